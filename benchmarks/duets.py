"""How often two synthetic singers of one range have their own pitch: `python -m benchmarks.duets`.

Duets of 12 s that cross twice, 16 seeds, dry and in rooms (`vocsep.singers.meetings`; no training has heard
these seeds), or other meetings with --kind: the share of sung frames in which the right voice is within 50
cents, mean of both voices. Beside it the same if voices could change places wherever that helps, which is
what the pitches allow, and if they keep the order of height. As nobody can know who of two is first, the
better of both ways to match them counts. --separate adds the SI-SDR of the stems.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from benchmarks.options import add_assignment, add_device, new_parser, run
from benchmarks.scoring import score
from vocsep import Separator
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.intonation import cents_apart
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.meetings import Meeting, sing_meeting
from vocsep.singers.quartet import Ensemble
from vocsep.spectra import SAMPLE_RATE

NEAR = 50.0  # cents
FAR = 600.0  # cents, of a pitch that lacks or is further away
Frequencies = NDArray[np.float64]  # (2, frames) Hz, NaN where silent


def right_voice(truth: Frequencies, estimate: Frequencies) -> float:
    """Share of true frames within `NEAR`, mean of the two voices, matched as fits best."""
    return max(_recall(truth, estimate), _recall(truth, estimate[::-1]))


def at_best(truth: Frequencies, estimate: Frequencies) -> float:
    """The same if both could change places in every frame."""
    kept, changed = (_away(truth, pitch).sum(axis=0) for pitch in (estimate, estimate[::-1]))
    return _recall(truth, np.where(kept <= changed, estimate, estimate[::-1]))


def by_height(estimate: Frequencies) -> Frequencies:
    """The higher pitch first wherever there are two."""
    both = np.isfinite(estimate).all(axis=0)
    return np.where(both, np.sort(estimate, axis=0)[::-1], estimate)


def _away(truth: Frequencies, estimate: Frequencies) -> NDArray[np.float64]:
    """Cents between them, `FAR` at most and where one is silent."""
    cents = np.nan_to_num(np.abs(cents_apart(truth, estimate)), nan=FAR)
    return np.asarray(np.minimum(cents, FAR))


def _recall(truth: Frequencies, estimate: Frequencies) -> float:
    sung = np.isfinite(truth)
    right = (_away(truth, estimate) <= NEAR).sum(axis=1)
    return float((right / np.maximum(sung.sum(axis=1), 1)).mean())


def figures(song: Ensemble, tracks: F0Tracks, separator: Separator | None) -> list[float]:
    """Right voice; at best; by height; and SI-SDR in dB, if it is asked for."""
    truth = np.where(song.f0 > 0, song.f0, np.nan).astype(np.float64)
    estimate = tracks.fitted(truth.shape[1]).frequencies
    found = [right_voice(truth, estimate), at_best(truth, estimate), right_voice(truth, by_height(estimate))]
    if separator is not None:
        stems = separator.separate(song.mixture, SAMPLE_RATE, 2, tracks=tracks).stems
        found.append(score(song.stems, stems).mean)
    return found


def line(name: str, values: Sequence[float]) -> str:
    """A line of the table."""
    shares = "  ".join(f"{value:9.3f}" for value in values[:3])
    return f"{name:<24} {shares}" + "".join(f"  {value:8.2f} dB" for value in values[3:])


def benchmark(options: argparse.Namespace) -> None:
    """Sing, estimate and compare, seed by seed, and print the means."""
    estimator = PitchEstimator(device=options.device, assign=options.assign)
    separator = Separator(device=options.device) if options.separate else None
    first, last = options.seeds
    print(f"{'':<24} {'right':>9}  {'at best':>9}  {'by height':>9}{'     SI-SDR' if separator else ''}")
    for kind in options.kind:
        means = []
        for room in (False, True):
            rows = []
            for seed in range(first, last + 1):
                song = sing_meeting(seed, options.seconds, kind, room=room)
                rows.append(figures(song, estimator.estimate(song.mixture, 2), separator))
                print(line(f"{kind} {seed} {'room' if room else 'dry'}", rows[-1]), flush=True)
            means.append(line(f"{kind}, {'rooms' if room else 'dry'}, mean", np.mean(rows, axis=0).tolist()))
        print("\n".join(means), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("duets", __doc__)
    parser.add_argument(
        "--kind", nargs="+", choices=get_args(Meeting), default=["crossing"], help="how they meet"
    )
    parser.add_argument("--seeds", nargs=2, type=int, default=(1, 16), metavar=("FIRST", "LAST"))
    parser.add_argument(
        "--seconds", type=float, default=12.0, metavar="S", help="length of each (default: 12)"
    )
    parser.add_argument("--separate", action="store_true", help="also SI-SDR of the stems")
    add_assignment(parser)
    add_device(parser, default="cpu")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
