"""The paper's experiment (section IV, figures 4 and 5) again: `python -m benchmarks.paper DATA_DIR`.

Learns from songs of synthetic quartets (or from ``--train DIR``: songs with stems, as for `vocsep fit`), and
tests on the real quartets below DATA_DIR (see mixtures.py), on all pairs of their voices, and, in a table of
their own, on what other real singers are there (``real/``). Rows: see paper_rows.py. A *full* and a *small*
training set (one song of 2:40), as in the paper; sizes and times are chosen for two cores. Everything is kept
in the work folder, step by step, so that an interrupted run goes on where it was, and rows can be run one by
one (``--row``).

What differs from the paper: synthetic songs instead of Bach chorales and barbershop; F0 by vocsep; recordings
are separated whole, not in excerpts of 4 s; one training serves mixtures of four and of two.
"""

import argparse
import json
import multiprocessing
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from benchmarks.options import new_parser, run
from benchmarks.paper_rows import FULL, ROWS, SMALL, Row, evaluate, find_f0, train
from benchmarks.paper_songs import Test, sing_song, tests_of
from benchmarks.paper_table import heading, learned, seeds_of, tables
from vocsep.errors import AudioError, Interrupted, SettingsError

SMALL_SECONDS = 160.0  # of the only song of the small training set: 2:40, as in the paper
QUICK = {
    "songs": 2,
    "song_seconds": 12.0,
    "small_seconds": 12.0,
    "minutes": 0.1,
    "seeds": 2,
    "duration": 8.0,
    "pairs": 1,
}

ANY_TIME = (
    "row",
    "words",
    "work",
    "workers",
    "seeds",
    "choralsynth",
    "markdown",
)  # may change from run to run
Job = tuple[Callable[..., str], tuple[Any, ...]]


class Steps:
    """Runs the jobs of a step on all cores, says what is done, and keeps the time of each step."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self.pool, self.times = pool, dict[str, float]()

    def run(self, step: str, jobs: Sequence[Job]) -> None:
        """Run ``jobs``; the first that fails ends the experiment."""
        if not jobs:
            return
        began = time.monotonic()
        print(f"{step}: {len(jobs)} jobs", flush=True)
        futures = [self.pool.submit(job, *arguments) for job, arguments in jobs]
        try:
            for number, future in enumerate(as_completed(futures), 1):
                minutes = (time.monotonic() - began) / 60
                print(f"  {number} of {len(jobs)} after {minutes:.1f} min: {future.result()}", flush=True)
        finally:
            for future in futures:
                future.cancel()
        self.times[step] = time.monotonic() - began


def learn(steps: Steps, rows: Sequence[Row], work: Path, options: argparse.Namespace) -> None:
    """Sing what is to be learned from, and learn it."""
    wanted = {row.training for row in rows}
    songs = work / "songs"
    jobs: list[Job] = []
    if SMALL in wanted:
        jobs.append((_sing, (songs / SMALL / "song_1", options.small_seconds, options.seed)))
    if FULL in wanted and options.train is None:
        seeds = range(options.seed + 1, options.seed + 1 + options.songs)
        jobs += [(_sing, (songs / FULL / f"song_{n}", options.song_seconds, n)) for n in seeds]
    steps.run("singing", jobs)
    folders = {FULL: options.train or songs / FULL, SMALL: songs / SMALL}
    learners = [row for row in rows if row.training is not None]
    # The first of each training set finds the F0 of its songs, which the others then share.
    sets = [name for name in (FULL, SMALL) if name in wanted]
    first = [next(row for row in learners if row.training == name) for name in sets]
    rest = [row for row in learners if row not in first]
    settled = (work, options.minutes, options.quick, options.seed)
    jobs = [(train, (row, folders[row.training or FULL], *settled)) for row in first + rest]
    steps.run("learning", jobs)


def _sing(folder: Path, seconds: float, seed: int) -> str:
    sing_song(folder, seconds, seed)
    return folder.name


def judge(steps: Steps, rows: Sequence[Row], tests: Sequence[Test], work: Path, seeds: int) -> None:
    """Separate all tests in all ways."""
    steps.run("F0 of the tests", [(find_f0, (test,)) for test in tests])
    jobs = [
        (evaluate, (row, test, seed, work)) for row in rows for test in tests for seed in seeds_of(row, seeds)
    ]
    steps.run("separation", jobs)


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """What decides the figures, as JSON can hold it."""
    known = {name: value for name, value in vars(options).items() if name not in ANY_TIME}
    return {n: str(v.resolve()) if isinstance(v, Path) else v for n, v in known.items()}


def command_of(options: argparse.Namespace, words: Sequence[str]) -> str:
    """The command line, without the folders of this machine."""
    paths = {str(v): n.upper() for n, v in vars(options).items() if isinstance(v, Path)}
    return shlex.join(["python", "-m", "benchmarks.paper", *(paths.get(word, word) for word in words)])


def check_work(work: Path, settings: dict[str, Any]) -> None:
    """Refuse a work folder that was begun with other settings: its figures could not be compared."""
    kept = work / "settings.json"
    work.mkdir(parents=True, exist_ok=True)
    if kept.is_file() and json.loads(kept.read_text(encoding="utf-8")) != settings:
        raise SettingsError(f"{work}: was begun with other settings ({kept}); choose another --work")
    kept.write_text(json.dumps(settings, indent=1), encoding="utf-8")


def benchmark(options: argparse.Namespace) -> None:
    """Learn, separate and print the tables; what the work folder holds is not done again."""
    if options.quick:
        vars(options).update(QUICK)
    rows = [row for row in ROWS if options.row is None or row.key in options.row]
    check_work(options.work, settings_of(options))
    # A core for each process: small networks learn faster side by side than in turn on all cores.
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        steps = Steps(pool)
        try:
            tests = tests_of(options.data, options.work, options.duration, options.choralsynth, options.pairs)
            if not tests:
                raise AudioError(f"{options.data}: no quartet of real singers (*/singers_*/stems) below it")
            learn(steps, rows, options.work, options)
            judge(steps, rows, tests, options.work, options.seeds)
        except KeyboardInterrupt:
            raise Interrupted("stopped; the same command goes on") from None
    songs = "mixtures of four synthetic voices" if options.train is None else "recordings of the user's own"
    command = command_of(options, options.words)
    text = "\n".join((heading(command, steps.times, songs), learned(options.work)))
    text += tables(tests, options.seeds, options.work)
    print(text)
    if options.markdown is not None:
        options.markdown.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("paper", __doc__)
    keys = [row.key for row in ROWS]
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument(
        "--work", type=Path, default=Path("paper-work"), metavar="DIR", help="what is done is kept here"
    )
    parser.add_argument(
        "--row", action="append", choices=keys, metavar="ROW", help=f"repeatable: {', '.join(keys)}"
    )
    parser.add_argument(
        "--train", type=Path, metavar="DIR", help="songs with stems, instead of synthetic ones"
    )
    parser.add_argument("--songs", type=int, default=45, metavar="N", help="of the full training set")
    parser.add_argument(
        "--song-seconds", type=float, default=60.0, metavar="S", help="length of each of them"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=10.0,
        metavar="M",
        help="of each training, on one core; U-Net: twice that",
    )
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="of methods that begin at random")
    parser.add_argument("--seed", type=int, default=0, help="of songs and trainings")
    parser.add_argument("--duration", type=float, metavar="S", help="only so many seconds of each test")
    parser.add_argument("--pairs", type=int, metavar="N", help="only so many pairs of each quartet")
    parser.add_argument("--choralsynth", action="store_true", help="test on these recordings too")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes")
    parser.add_argument("--quick", action="store_true", help="every row in two minutes; figures mean nothing")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    parser.set_defaults(small_seconds=SMALL_SECONDS, words=sys.argv[1:] if arguments is None else arguments)
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
