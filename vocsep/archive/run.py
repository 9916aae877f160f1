"""A run over an archive: what is left to do, who does it, and what came of it.

A recording that fails is noted, and the others go on; one whose worker died is tried again elsewhere
(`vocsep.archive.cluster`). Whoever stops the run gives the same command again to go on.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from vocsep.archive.folders import OWN, SCRATCH, result_folder
from vocsep.archive.labels import labels
from vocsep.archive.manifest import Line, Manifest
from vocsep.archive.stores import Found, is_remote
from vocsep.archive.task import Task, Work, begun, done, perform
from vocsep.media.names import folded


class Workers(Protocol):
    """Who does the work."""

    def outcomes(self, tasks: Sequence[Task], work: Work) -> Iterator[tuple[Task, Line | BaseException]]:
        """Do every task; each with its line of the manifest, or why it failed, in whatever order."""


class InThisProcess:
    """One recording after another, here."""

    def outcomes(self, tasks: Sequence[Task], work: Work) -> Iterator[tuple[Task, Line | BaseException]]:
        for task in tasks:
            try:
                yield task, perform(task, work)
            except Exception as error:
                yield task, error


@dataclass
class Standing:
    """Where a run stands.

    Attributes:
        recordings: in all.
        before: of these, done by an earlier run.
        done, failed: by this one.
        share: of the bytes that this run has to do, how much is done or has failed.
        elapsed: s since the first recording was given out.
        audio: s of music that were done.
        processor: s of processor time that this took.
        peak_memory: of the largest worker, in bytes.
        errors: place and reason of each that failed.
    """

    recordings: int
    before: int = 0
    done: int = 0
    failed: int = 0
    share: float = 0.0
    elapsed: float = 0.0
    audio: float = 0.0
    processor: float = 0.0
    peak_memory: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)

    @property
    def left(self) -> float | None:
        """Seconds to go at the present rate; None where it is not known yet."""
        return self.elapsed * (1 - self.share) / self.share if self.share > 0 else None


def run_archive(
    recordings: Sequence[Found],
    work: Work,
    output: str,
    workers: Callable[[], AbstractContextManager[Workers]],
    *,
    overwrite: bool = False,
    describe: Callable[[BaseException], str] = str,
    tell: Callable[[Standing], None] | None = None,
) -> Standing:
    """Do what is left to do of an archive.

    Args:
        recordings: all of them.
        work: what is done with each.
        output: folder of results, path or address; with the manifest that says what is done.
        workers: context manager of those who do it; they have stopped when it ends.
        overwrite: replace results that were made by other settings or by somebody else.
        describe: one line for an error.
        tell: told at the beginning and after each recording.

    Raises:
        OSError: the manifest cannot be written.
    """
    folder = result_folder(output)

    def kept(line: Line) -> None:
        folder.remove(done(line["label"]))
        if line["status"] == "failed":
            folder.remove(begun(line["label"]))

    manifest = Manifest(folder, every_line=not is_remote(output), kept=kept)
    tasks = _tasks(recordings, work, output, manifest.read(), overwrite)
    standing = Standing(len(recordings), before=len(recordings) - len(tasks))
    told = tell or (lambda standing: None)
    told(standing)
    to_do = sum(task.found.size for task in tasks) or 1
    folder.remove(SCRATCH)  # of a run that had no time to tidy up
    try:
        with workers() if tasks else nullcontext(InThisProcess()) as crew:
            finished, began = 0, time.monotonic()
            for task, outcome in crew.outcomes(tasks, work):
                finished += task.found.size
                standing.share, standing.elapsed = finished / to_do, time.monotonic() - began
                manifest.add(_noted(task, outcome, standing, describe))
                told(standing)
    finally:
        manifest.flush()
        folder.remove(SCRATCH)
    folder.remove(OWN)
    return standing


def _noted(
    task: Task, outcome: Line | BaseException, standing: Standing, describe: Callable[[BaseException], str]
) -> Line:
    """The line for the manifest, counted."""
    if isinstance(outcome, BaseException):
        reason = describe(outcome)
        standing.failed += 1
        standing.errors.append((task.found.place, reason))
        return {**task.line, "status": "failed", "error": reason}
    standing.done += 1
    standing.audio += outcome.get("seconds_of_audio", 0.0)
    standing.processor += outcome.get("processor_seconds", 0.0)
    standing.peak_memory = max(standing.peak_memory, outcome.get("peak_memory") or 0)
    return outcome


def _tasks(
    recordings: Sequence[Found], work: Work, output: str, known: dict[str, Line], overwrite: bool
) -> list[Task]:
    """What is not done yet, the largest first, so that no worker begins with it when the others end."""
    settings = settings_digest(work.settings)
    new = [found for found in recordings if found.place not in known]
    taken = {folded(str(line["label"])) for line in known.values()}
    named = dict(zip((f.place for f in new), labels([f.path for f in new], taken), strict=True))
    tasks = []
    for found in recordings:
        before = known.get(found.place, {})
        label = str(before["label"]) if before else named[found.place]
        task = Task(found, label, settings, output)
        if before.get("status") == "done":
            if task.agrees(before):
                continue
            ours = before.get("settings") == settings
            stale = tuple(before.get("files", ()))
            task = Task(found, label, settings, output, overwrite or ours, stale)
        elif overwrite:
            task = Task(found, label, settings, output, replace=True)
        tasks.append(task)
    return sorted(tasks, key=lambda task: -task.found.size)


def settings_digest(settings: Any) -> str:
    """A short name of settings: the same for the same ones, in every process."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
