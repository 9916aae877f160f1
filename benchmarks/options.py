"""The command line that benchmarks share: which recordings, which part of them, where to compute.

A benchmark is a module with a ``main`` that takes the words of its command line and returns an exit code.
Errors that a user can cause become one line on standard error.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from benchmarks.mixtures import Recording, groups, recordings
from vocsep.errors import AudioError, Interrupted, VocsepError
from vocsep.pitch.settings import Assignment, PitchSettings


def new_parser(module: str, doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the docstring of a benchmark, called ``python -m benchmarks.MODULE``."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{module}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_recordings(
    parser: argparse.ArgumentParser,
    start: float = 0.0,
    duration: float | None = None,
    optional: bool = False,
) -> None:
    """DATA_DIR, --only, --start and --duration; `found_recordings` reads them.

    Args:
        start: s, the default of --start.
        duration: s, that of --duration; None: to the end.
        optional: whether DATA_DIR may lack.
    """
    parser.add_argument("data", type=Path, metavar="DATA_DIR", nargs="?" if optional else None)
    parser.add_argument("--only", metavar="NAME", help="only recordings whose path contains this")
    parser.add_argument(
        "--start",
        type=float,
        default=start,
        metavar="S",
        help=f"leave out the first seconds of each (default: {start:g}); of short ones nothing is left out",
    )
    parser.add_argument(
        "--duration",
        type=float,
        default=duration,
        metavar="S",
        help=f"only so many seconds of each (default: {'all' if duration is None else f'{duration:g}'})",
    )


def add_groups(parser: argparse.ArgumentParser, default: bool = False) -> None:
    """--groups and --no-groups."""
    parser.add_argument(
        "--groups",
        action=argparse.BooleanOptionalAction,
        default=default,
        help="also pairs and trios of the quartets, and the choir of two singers a part",
    )


def add_device(parser: argparse.ArgumentParser, default: str = "auto") -> None:
    """--device."""
    parser.add_argument(
        "--device", default=default, metavar="D", help=f"auto, cpu, cuda or mps (default: {default})"
    )


def add_assignment(parser: argparse.ArgumentParser) -> None:
    """--assign."""
    parser.add_argument(
        "--assign",
        choices=get_args(Assignment),
        default=PitchSettings.assign,
        help="of pitches to voices; heuristic is the paper's",
    )


def found_recordings(options: argparse.Namespace) -> list[Recording]:
    """The recordings that the options of `add_recordings` name, and after them those of --groups.

    Raises:
        AudioError: there is none.
    """
    found = list(recordings(options.data, options.only, options.start, options.duration))
    if not found:
        named = "" if options.only is None else f" whose path contains {options.only!r}"
        raise AudioError(f"{options.data}: no folder with a folder stems/ in it{named}")
    return [*found, *groups(found)] if getattr(options, "groups", False) else found


def before_words(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> list[str]:
    """What is a benchmark's own of a command line; ``words`` of its options becomes what follows ``--``,
    which is for vocsep.

    Args:
        parser: of the benchmark.
        arguments: as in `run`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    at = given.index("--") if "--" in given else len(given)
    parser.set_defaults(words=given[at + 1 :])
    return given[:at]


def run(
    benchmark: Callable[[argparse.Namespace], None],
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
) -> int:
    """Parse the command line and run a benchmark.

    Args:
        benchmark: told the options; prints its table.
        arguments: what follows the module's name; default: the words of this process.

    Returns:
        0; after a line on standard error 1, or 130 if it was stopped.
    """
    options = parser.parse_args(arguments)
    try:
        benchmark(options)
    except VocsepError as error:
        print(error, file=sys.stderr)
        return 130 if isinstance(error, Interrupted) else 1
    return 0
