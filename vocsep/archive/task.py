"""One recording, from where it lies to its results: what a worker does, and does again if it must.

A worker may die at any time, and its recording is given to another one. So results are made in a folder of
their own and then moved, each file at once; ``.vocsep/<label>.begun`` says that what lies there may be
replaced because it is ours, and ``.vocsep/<label>.done`` holds the line of the manifest until it is written
there.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vocsep.archive.folders import OWN, ResultFolder, result_folder
from vocsep.archive.manifest import Line
from vocsep.archive.stores import Found, on_this_machine
from vocsep.errors import AudioError, VocsepError


class Work(Protocol):
    """What is done with every recording. It travels to the workers."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that decides the results, as JSON knows it."""

    def target(self, label: str) -> str:
        """The file or folder that a recording's results make, relative to the folder of results."""

    def make(self, recording: Path, label: str, folder: Path) -> Mapping[str, Any]:
        """Write the results below ``folder`` as they shall lie in the folder of results; figures of them."""


@dataclass(frozen=True)
class Task:
    """A recording to be done.

    Attributes:
        found: the recording.
        label: by which its results are found.
        settings: digest of what decides them.
        output: the folder of results, path or address.
        replace: what lies there may be replaced.
        stale: files of the results that are replaced.
    """

    found: Found
    label: str
    settings: str
    output: str
    replace: bool = False
    stale: tuple[str, ...] = ()

    @property
    def line(self) -> Line:
        """Where the line of the manifest begins."""
        known = {"recording": self.found.place, "size": self.found.size, "stamp": self.found.stamp}
        return {**known, "label": self.label, "settings": self.settings}

    def agrees(self, line: Line) -> bool:
        """Whether this line is of the same recording, unchanged, by the same settings."""
        own = self.line
        return all(line.get(name) == own[name] for name in ("recording", "size", "stamp", "settings"))


def begun(label: str) -> str:
    """The file that says that a recording was begun."""
    return f"{OWN}/{label}.begun"


def done(label: str) -> str:
    """The file that holds the line of a recording until the manifest does."""
    return f"{OWN}/{label}.done"


def perform(task: Task, work: Work) -> Line:
    """Do a recording, unless that was done already; the line of the manifest.

    Raises:
        AudioError: the recording cannot be used, or somebody else's results lie where its own should.
        VocsepError: as the work may.
    """
    folder = result_folder(task.output)
    if (known := _done_before(task, folder)) is not None:
        return known
    target = work.target(task.label)
    if folder.exists(target) and not task.replace and folder.read(begun(task.label)) is None:
        raise AudioError(f"{task.output.rstrip('/')}/{target}: exists already, and was not made by this run")
    folder.write(begun(task.label), b"")
    clock, processor = time.monotonic(), time.process_time()
    with folder.scratch() as scratch:
        with on_this_machine(task.found.place) as recording, _named(task.found.place, recording):
            figures = work.make(recording, task.label, scratch)
        files = sorted(path for path in scratch.rglob("*") if path.is_file())
        names = [path.relative_to(scratch).as_posix() for path in files]
        line = {**task.line, "status": "done", **figures, "files": names}
        line["seconds"] = round(time.monotonic() - clock, 3)
        line["processor_seconds"] = round(time.process_time() - processor, 3)
        line["peak_memory"] = peak_memory()
        line["worker"] = f"{platform.node()}:{os.getpid()}"
        for path, name in zip(files, names, strict=True):
            folder.take(path, name)
    for name in set(task.stale) - set(names):
        folder.remove(name)
    folder.write(done(task.label), json.dumps(line).encode())
    folder.remove(begun(task.label))
    return line


@contextmanager
def _named(place: str, copy: Path) -> Iterator[None]:
    """Errors name the recording and not the copy of it."""
    try:
        yield
    except VocsepError as error:
        if str(copy) == place or str(copy) not in str(error):
            raise
        raise type(error)(str(error).replace(str(copy), place)) from None


def _done_before(task: Task, folder: ResultFolder) -> Line | None:
    """The line of a try that ended well without anybody having heard of it."""
    content = folder.read(done(task.label))
    if content is None:
        return None
    line: Line = json.loads(content)
    return line if task.agrees(line) else None


def peak_memory() -> int | None:
    """The most bytes that this process ever held; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
