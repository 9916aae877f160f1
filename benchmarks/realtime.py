"""Is `vocsep separate` faster than the music? `python -m benchmarks.realtime DATA_DIR|RECORDING`.

Runs the command line in a fresh process on 60 s, four voices, without adaptation and with the default one,
start of Python and loading of the models included, and prints wall time, processor time, their ratio to the
music and the peak of memory. From a folder, the mixture is the sum of the first stems found below it,
repeated as often as it takes.

With `--against REV` an old commit and the working tree take turns instead: `separate` with either filter,
`f0`, and how long it takes until `separate` reads its first sample; the least of `--rounds` runs each and
their ratio, and the time of each stage on one thread. Where to look next says
`OMP_NUM_THREADS=1 python -m cProfile -s tottime -m vocsep separate MIXTURE -n 4`.
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

from benchmarks.against import ROOT, STAGES, Tree, checkout
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


def compare(options: argparse.Namespace, mixture: Path, folder: Path) -> None:
    """Print the tables of --against."""
    shared = [str(mixture), "-n", str(options.voices), "--overwrite", "-q"]
    stems = ["separate", *shared, "-o", str(folder / "stems")]
    tasks = {
        "separate, partials": stems,
        "separate, mask": [*stems, "--filter", "mask"],
        "f0": ["f0", *shared, "-o", str(folder / "f0.csv")],
    }
    with checkout(options.against) as old:
        trees = (old, Tree("here", ROOT))
        print(f"s of processor and wall, least of {options.rounds}: {options.against} | here | ratios")
        for task, words in tasks.items():
            _say(
                task, [[tree.run(["-m", "vocsep", *words]) for tree in trees] for _ in range(options.rounds)]
            )
        _say("first sample", [[tree.first_sample(stems) for tree in trees] for _ in range(options.rounds)])
        print("s on one thread:")
        before, now = (tree.stages(stems) for tree in trees)
        for stage in STAGES:
            first, last = (f"{found[stage]:7.2f}" if stage in found else "      -" for found in (before, now))
            print(f"{stage:24s} {first} | {last}")


def _say(task: str, rounds: Sequence[Sequence[tuple[float, float]]]) -> None:
    """One line: the least times of the old tree and of ours."""
    times = [tuple(min(turn[tree][kind] for turn in rounds) for kind in (0, 1)) for tree in (0, 1)]
    (old_work, old_wall), (work, wall) = times
    print(
        f"{task:20s} {old_work:6.2f} {old_wall:6.2f} | {work:6.2f} {wall:6.2f} | "
        f"{work / old_work:.2f} {wall / old_wall:.2f}",
        flush=True,
    )


def benchmark(options: argparse.Namespace) -> None:
    """Time the program with each number of steps of adaptation, or against another commit."""
    with tempfile.TemporaryDirectory() as folder:
        mixture = Path(folder, "mixture.wav")
        mixture_of(options.source, options.seconds, options.voices, mixture)
        info = soundfile.info(mixture)
        heading = f"{options.seconds:g} s, {info.samplerate} Hz, {info.channels} channels"
        print(f"{heading}; {os.cpu_count()} processors")
        if options.against:
            compare(options, mixture, Path(folder))
            return
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
    parser.add_argument("--against", metavar="REV", help="a commit to compare with, by turns in one run")
    parser.add_argument("--rounds", type=int, default=3, help="of turns (default: 3)")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
