"""Whole archives, for ``separate`` and ``f0``: what there is, who works on it, what came of it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vocsep.commands.screen import ProgressCallback, Screen, describe

if TYPE_CHECKING:
    from vocsep.archive.run import Standing, Workers
    from vocsep.archive.stores import Found
    from vocsep.archive.task import Work

LISTED = 5  # failures that the summary names; the manifest has all


@dataclass(frozen=True)
class Crew:
    """Who works on an archive: processes of this machine, or those of a scheduler."""

    workers: int | None
    scheduler: str | None

    def __post_init__(self) -> None:
        if self.workers and self.scheduler:
            raise typer.BadParameter("--scheduler has workers of its own; leave out --workers")

    def __bool__(self) -> bool:
        return bool(self.workers or self.scheduler)

    def hired(self) -> "AbstractContextManager[Workers]":
        """The workers, for as long as the context lasts."""
        from vocsep.archive.run import InThisProcess

        if not self:
            return nullcontext(InThisProcess())
        from vocsep.archive.cluster import cluster_at, local_cluster

        return cluster_at(self.scheduler) if self.scheduler else local_cluster(self.workers or 1)


def is_archive(crew: Crew, places: Sequence[str]) -> bool:
    """Whether processes are asked for, or a place lies in a store."""
    from vocsep.archive.stores import is_remote

    return bool(crew) or any(map(is_remote, places))


def run_over(
    recordings: Sequence[str], output: str, work: "Work", crew: Crew, overwrite: bool, screen: Screen
) -> None:
    """Do the work with every recording, show how it goes, and say at the end what came of it.

    Raises:
        typer.Exit: something failed.
        typer.BadParameter: the output is a file.
    """
    from vocsep.archive.run import run_archive

    output = _absolute(output)
    if Path(output).is_file():
        raise typer.BadParameter(f"-o {output}: is a file, a folder is needed")
    found, lacking = _found(recordings, output)
    for line in lacking:
        screen.error(line)
    if not found:
        raise typer.Exit(1)
    with screen.progress(f"{len(found)} recordings") as progress:
        standing = run_archive(
            found,
            work,
            output,
            crew.hired,
            overwrite=overwrite,
            describe=describe,
            tell=_teller(screen, progress),
        )
    _summary(screen, standing, lacking, output)
    if standing.failed or lacking:
        raise typer.Exit(1)


def _absolute(place: str) -> str:
    """A name that holds in a worker, which may run in another folder."""
    from vocsep.archive.stores import is_remote

    return place if is_remote(place) else str(Path(place).absolute())


def _found(recordings: Sequence[str], output: str) -> "tuple[list[Found], list[str]]":
    """All recordings, and one line for each place where there is none."""
    from vocsep.archive.stores import find_in_store, find_on_disk, is_remote
    from vocsep.commands.inputs import find_recordings
    from vocsep.errors import AudioError

    found: dict[str, Found] = {}
    lacking = []
    for place in recordings:
        try:
            if is_remote(place):
                own = [
                    one for one in find_in_store(place) if not one.place.startswith(f"{output.rstrip('/')}/")
                ]
            else:
                paths, failed = find_recordings([Path(place)], Path(output))
                own = [find_on_disk(path.absolute()) for path in paths if path.exists()]
                lacking += [one.error for one in failed]
                lacking += [f"{path}: no such file" for path in paths if not path.exists()]
        except AudioError as error:
            lacking.append(str(error))
            continue
        found.update((one.place, one) for one in own)
    return list(found.values()), lacking


def _teller(screen: Screen, progress: ProgressCallback) -> "Callable[[Standing], None]":
    shown = 0

    def tell(standing: "Standing") -> None:
        nonlocal shown
        for place, reason in standing.errors[shown:]:
            screen.error(reason if Path(place).name in reason else f"{place}: {reason}")
        shown = len(standing.errors)
        progress("working", standing.share, _figures(standing))

    return tell


def _figures(standing: "Standing") -> str:
    """How many, how fast, and how long still."""
    text = f"({standing.before + standing.done} of {standing.recordings} done"
    if standing.failed:
        text += f", {standing.failed} failed"
    if standing.elapsed and standing.audio:
        text += f", {standing.audio / standing.elapsed:.1f} x real time"
    if standing.left is not None and standing.share < 1:
        text += f", {duration(standing.left)} left"
    return f"{text})"


def _summary(screen: Screen, standing: "Standing", lacking: Sequence[str], output: str) -> None:
    from vocsep.archive.manifest import MANIFEST

    text = f"{standing.done} of {standing.recordings} recordings done"
    if standing.before:
        text += f", {standing.before} had been done before"
    if standing.failed:
        text += f", {standing.failed} failed"
    screen.line(text, style="bold")
    if standing.done:
        speed = f" ({standing.audio / standing.elapsed:.1f} x real time)" if standing.elapsed else ""
        screen.line(
            f"{duration(standing.audio)} of music in {duration(standing.elapsed)}{speed}, "
            f"{duration(standing.processor)} of processor time, "
            f"at most {standing.peak_memory / 1e6:.0f} MB in a process",
            style="dim",
        )
    screen.line(f"what became of each: {output.rstrip('/')}/{MANIFEST}", style="dim")
    if standing.failed:
        named = ", ".join(place for place, _ in standing.errors[:LISTED])
        more = standing.failed - LISTED
        screen.error(f"failed: {named}" + (f" and {more} more" if more > 0 else ""))
    failed = [{"input": place, "error": reason} for place, reason in standing.errors]
    screen.document(
        {**vars(standing), "errors": None, "failed": failed, "lacking": list(lacking), "output": output}
    )


def duration(seconds: float) -> str:
    """In words, roughly.

    >>> duration(42), duration(4200), duration(1e6)
    ('42 s', '1 h 10 min', '277 h 46 min')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
