"""An archive by several processes next to one: how much sooner it is done, and the memory that it takes.

    python -m benchmarks.archive DATA_DIR [--recordings 40] [--seconds 30] [--workers 2] [-- OPTIONS]

Mixtures of DATA_DIR are cut into recordings, which are separated by one process with one thread
(``--workers 1``), by one process with as many threads as it likes (no ``--workers``), and by several with one
thread each, by turns. What follows ``--`` is given to `vocsep separate`, such as ``-n 4 --adapt 0``.

    python -m benchmarks.archive --empty 2000 [--workers 2]

says what it costs to hand out recordings with which nothing is done, to note them, and to read the notes.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import soundfile

from benchmarks.options import add_recordings, before_words, found_recordings, new_parser, run
from vocsep.archive.cluster import local_cluster
from vocsep.archive.manifest import MANIFEST
from vocsep.archive.run import run_archive
from vocsep.archive.stores import Found
from vocsep.errors import VocsepError
from vocsep.spectra import SAMPLE_RATE


def cut(options: argparse.Namespace, folder: Path) -> float:
    """Write the recordings; their length together in s."""
    length, written = round(options.seconds * SAMPLE_RATE), 0
    mixtures = [recording.mixture for recording in found_recordings(options)]
    while written < options.recordings:
        before = written
        for mixture in mixtures:
            # Each time round begins a little later, so that no recording is there twice.
            for begin in range(written * 100 % length, len(mixture) - length + 1, length):
                if written < options.recordings:
                    soundfile.write(
                        folder / f"{written:03d}.wav", mixture[begin : begin + length], SAMPLE_RATE
                    )
                    written += 1
        if written == before:
            raise VocsepError(f"{options.data}: no recording is {options.seconds:g} s long")
    return written * options.seconds


def measured(folder: Path, output: Path, more: Sequence[str], threads: str | None) -> tuple[float, float]:
    """Wall time and processor time of a run over the folder."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment |= {"OMP_NUM_THREADS": threads} if threads else {}
    words = [sys.executable, "-m", "vocsep", "separate", str(folder), "-o", str(output), "--json", *more]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise VocsepError((done.stderr.strip().splitlines() or ["separate failed"])[-1])
    document = json.loads(done.stdout)
    largest = document.get("peak_memory") or after.ru_maxrss * 1024
    processor = document.get("processor") or (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    )
    print(f"    {took:7.1f} s, {processor:7.1f} s of processor time, largest process {largest / 1e6:.0f} MB")
    shutil.rmtree(output)
    return took, processor


@dataclass(frozen=True)
class Nothing:
    """Work that is done at once."""

    @property
    def settings(self) -> Mapping[str, Any]:
        return {}

    def target(self, label: str) -> str:
        return label

    def make(self, recording: Path, label: str, folder: Path) -> Mapping[str, Any]:
        (folder / label).mkdir()
        (folder / label / "stem.wav").touch()
        return {"seconds_of_audio": 300.0}


def overhead(recordings: int, workers: int) -> None:
    """Print what a recording costs beside the work."""
    with tempfile.TemporaryDirectory(prefix="vocsep-") as name:
        output = str(Path(name) / "out")
        found = [Found(f"{name}/{number:06d}.wav", 1, "") for number in range(recordings)]
        own = time.process_time()
        standing = run_archive(found, Nothing(), output, partial(local_cluster, workers))
        own = time.process_time() - own
        print(f"{standing.done} recordings handed out in {standing.elapsed:.1f} s: ", end="")
        print(f"{1000 * standing.elapsed / recordings:.1f} ms each, ", end="")
        print(f"{1000 * own / recordings:.1f} ms of processor time of the process that does so")
        begun = time.monotonic()
        again = run_archive(found, Nothing(), output, partial(local_cluster, workers))
        took, size = time.monotonic() - begun, (Path(output) / MANIFEST).stat().st_size
        print(
            f"{again.before} found done in {took:.2f} s, {size / recordings:.0f} bytes of the manifest each"
        )


def benchmark(options: argparse.Namespace) -> None:
    """Print wall times and ratios."""
    if options.empty:
        overhead(options.empty, options.workers)
        return
    if options.data is None:
        raise VocsepError("DATA_DIR: is needed, but for --empty")
    ways = {
        "one process, one thread": (["--workers", "1"], "1"),
        "one process, its own threads": ([], None),
        f"{options.workers} processes, one thread each": (["--workers", str(options.workers)], "1"),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(prefix="vocsep-") as name:
        folder = Path(name)
        (folder / "in").mkdir()
        audio = cut(options, folder / "in")
        print(f"{options.recordings} recordings of {options.seconds:g} s, on {os.cpu_count()} cores")
        for number in range(options.rounds):
            for way, (more, threads) in ways.items():
                print(f"  {way}, round {number + 1}", flush=True)
                took[way].append(measured(folder / "in", folder / "out", [*more, *options.words], threads)[0])
    best = {way: min(times) for way, times in took.items()}
    several = list(best)[-1]
    for way, seconds in best.items():
        ratio = seconds / best[several]
        print(f"{way:32} {seconds:8.1f} s {audio / seconds:6.2f} x real time, {ratio:5.2f} times the last")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("archive", __doc__)
    add_recordings(parser, optional=True)
    parser.add_argument("--empty", type=int, metavar="N", help="hand out so many with which nothing is done")
    parser.add_argument("--recordings", type=int, default=40, metavar="N", help="how many (default: 40)")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="of each (default: 30)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (default: 2)")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="runs of each (default: 1)")
    return run(benchmark, parser, before_words(parser, arguments))


if __name__ == "__main__":
    sys.exit(main())
