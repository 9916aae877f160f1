"""What a minute of music costs `separate`: processor time and memory over voices, rate and channels.

    python -m benchmarks.scale DATA_DIR [--lengths 8 20] [--voices 1 2 4 8 12] [-- OPTIONS]

The mixture of all recordings of DATA_DIR (choose with --only) is separated at two lengths, each by a process
of its own with one thread; what the longer one takes more is the cost of its further seconds, and the rest
the cost of the start. Rates and channels are measured with four voices. What follows ``--`` is given to
`vocsep separate`.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.long import measured
from benchmarks.options import add_recordings, before_words, found_recordings, new_parser, run
from vocsep.spectra import SAMPLE_RATE

VOICES = 4  # where rates and channels are compared
KINDS = ((16_000, 1), (44_100, 1), (48_000, 2), (96_000, 2), (48_000, 6))  # Hz, channels


def in_channels(mixture: NDArray[np.float32], rate: int, channels: int) -> NDArray[np.float32]:
    """The mixture at another rate; every channel is later than the one before, so that places differ."""
    sound = soxr.resample(mixture / (2 * np.abs(mixture).max()), SAMPLE_RATE, rate)
    return np.stack([np.roll(sound, 5 * channel) for channel in range(channels)], axis=1)


def benchmark(options: argparse.Namespace) -> None:
    """Print a row for each number of voices and each kind of recording."""
    sums = [recording.mixture for recording in found_recordings(options)]
    mixture = np.sum([one[: min(map(len, sums))] for one in sums], axis=0)
    rows = [(voices, 16_000, 1) for voices in options.voices] + [(VOICES, *kind) for kind in KINDS]
    print("voices   rate channels  a second    an hour   start   memory")
    known: dict[tuple[int, int, int], tuple[float, float, float]] = {}
    with tempfile.TemporaryDirectory(prefix="vocsep-") as name:
        path, output = Path(name) / "mix.wav", Path(name) / "stems"
        for row in rows:
            if row not in known:
                voices, rate, channels = row
                took = []
                for seconds in options.lengths:
                    part = in_channels(mixture[: round(seconds * SAMPLE_RATE)], rate, channels)
                    soundfile.write(path, part, rate, subtype="PCM_16")
                    took.append(measured(path, output, ["-n", str(voices), *options.words]))
                (_, first), (memory, second) = took
                slope = (second - first) / (options.lengths[1] - options.lengths[0])
                known[row] = slope, first - slope * options.lengths[0], memory
            slope, start, memory = known[row]
            print(
                f"{row[0]:6} {row[1]:6} {row[2]:8} {slope:7.2f} s {3600 * slope:8.0f} s {start:5.1f} s "
                f"{memory:5.0f} MB",
                flush=True,
            )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("scale", __doc__)
    add_recordings(parser)
    parser.add_argument("--lengths", type=float, nargs=2, default=[8.0, 20.0], metavar="S", help="in s")
    numbers = [1, 2, 4, 8, 12]
    parser.add_argument(
        "--voices", type=int, nargs="+", default=numbers, metavar="N", help="numbers of voices"
    )
    os.environ["OMP_NUM_THREADS"] = "1"
    return run(benchmark, parser, before_words(parser, arguments))


if __name__ == "__main__":
    sys.exit(main())
