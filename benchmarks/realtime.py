"""Is `vocsep separate` faster than the music? `python -m benchmarks.realtime DATA_DIR|RECORDING`.

Runs the command line in a fresh process on 60 s, four voices, without adaptation and with the default one,
start of Python and loading of the models included, and prints wall time, processor time, their ratio to the
music and the peak of memory. From a folder, the mixture is the sum of the first stems found below it,
repeated as often as it takes.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.options import new_parser, run
from vocsep.errors import AudioError, VocsepError
from vocsep.media.finding import find_audio
from vocsep.media.reading import read_audio


def mixture_of(source: Path, seconds: float, voices: int, target: Path) -> None:
    """Write ``seconds`` of a recording, or of the sum of ``voices`` stems below a folder, as 16-bit WAV."""
    if source.is_dir():
        folders = [folder for folder in sorted(source.rglob("stems")) if len(find_audio([folder])) == voices]
        if not folders:
            raise AudioError(f"{source}: no folder stems/ with {voices} recordings below it")
        read = [read_audio(path) for path in find_audio([folders[0]])]
        rate = read[0][1]
        samples = min(len(audio) for audio, _ in read)
        audio = np.sum([audio[:samples] for audio, _ in read], axis=0)
    else:
        audio, rate = read_audio(source)
    audio = np.resize(audio, (round(seconds * rate), audio.shape[1]))  # repeats what is too short
    soundfile.write(target, audio * (0.9 / np.max(np.abs(audio))), rate, subtype="PCM_16")


def timed(mixture: Path, voices: int, adapt: int | None, folder: Path) -> tuple[float, float, float]:
    """Wall and processor time in seconds and peak memory in GB of one `vocsep separate`."""
    adaptation = [] if adapt is None else ["--adapt", str(adapt)]
    settings = ["-n", str(voices), "-o", str(folder), "--overwrite", "-q", *adaptation]
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "vocsep", "separate", str(mixture), *settings])
    _, status, usage = os.wait4(process.pid, 0)  # the usage of this process alone
    wall = time.perf_counter() - start
    if status:
        raise VocsepError(f"vocsep separate failed with exit code {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime, memory(usage)


def memory(usage: resource.struct_rusage) -> float:
    """Peak resident memory in GB; Linux counts it in kB, macOS in bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def benchmark(options: argparse.Namespace) -> None:
    """Time the program with each number of steps of adaptation."""
    with tempfile.TemporaryDirectory() as folder:
        mixture = Path(folder, "mixture.wav")
        mixture_of(options.source, options.seconds, options.voices, mixture)
        info = soundfile.info(mixture)
        heading = f"{options.seconds:g} s, {info.samplerate} Hz, {info.channels} channels"
        print(f"{heading}; {os.cpu_count()} processors")
        for adapt in options.adapt or [0, None]:
            wall, processor, peak = timed(mixture, options.voices, adapt, Path(folder, "stems"))
            name = "default" if adapt is None else adapt
            ratio = f"{wall / options.seconds:.2f} of the music"
            print(
                f"adapt {name!s:>7}: {wall:6.1f} s, {ratio}; processor {processor:6.1f} s; peak {peak:.2f} GB"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("realtime", __doc__)
    parser.add_argument("source", type=Path, metavar="DATA_DIR|RECORDING")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--voices", type=int, default=4)
    parser.add_argument(
        "--adapt", type=int, nargs="*", help="steps of adaptation to time (default: 0, and vocsep's)"
    )
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
