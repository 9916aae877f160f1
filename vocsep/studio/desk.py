"""What lies on the desk: the one project that is open, and what is being done with it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vocsep.errors import AudioError, SettingsError
from vocsep.media.names import folded, is_file_name
from vocsep.pitch.settings import MOST_VOICES
from vocsep.studio.exports import check
from vocsep.studio.folders import open_path, without_scratch
from vocsep.studio.jobs import Busy, Job, Jobs
from vocsep.studio.project import Project


@dataclass
class Desk:
    """The state of a studio.

    Attributes:
        projects: folder below which projects of recordings are found and made.
        settings: attributes of `vocsep.separation.settings.SeparatorSettings` that are not the default.
        largest_upload: bytes of a recording that is sent.
        jobs: what computes.
    """

    projects: Path
    settings: dict[str, Any] = field(default_factory=dict)
    largest_upload: int = 2 << 30
    jobs: Jobs = field(default_factory=Jobs)
    project: Project | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def opened(self) -> Project:
        """The open project.

        Raises:
            AudioError: there is none.
        """
        if self.project is None:
            raise AudioError("no recording is open")
        return self.project

    def open(self, path: Path) -> Project:
        """Put another project on the desk.

        Raises:
            Busy: something is being done with the one that lies there. AudioError: it cannot be opened.
        """
        with self.lock:
            self.refuse_while_busy()
            project = open_path(path, self.projects)
            self.put(project)
            return project

    def put(self, project: Project) -> None:
        """Put an opened project in the place of the one that lies there."""
        with self.lock:
            self.refuse_while_busy()
            before, self.project = self.project, project
            if before is not None:
                before.close()

    def separate(self, voices: int | None, names: Sequence[str] | None, f0: str | None = None) -> Job:
        """Begin to separate all of the recording.

        Args:
            voices: how many; None: decided from the recording.
            names: of the voices, the highest first.
            f0: path of an F0 file to take instead of an estimate.

        Raises:
            Busy: something else is being done. SettingsError: a number or names that cannot be.
        """
        project = self.opened
        if voices is not None and not 1 <= voices <= MOST_VOICES:
            raise SettingsError(f"voices: {voices} is not within 1 .. {MOST_VOICES}")
        if names is not None:
            unfit = [name for name in names if not is_file_name(name)]
            if unfit:
                raise SettingsError(f"names: {unfit[0]!r} cannot be the name of a file")
            if len({folded(name) for name in names}) < len(names):
                raise SettingsError("names: one is given more than once")
            if voices is not None and len(names) != voices:
                raise SettingsError(f"names: {len(names)} names for {voices} voices")
        return self._start("separate", project, voices=voices, names=names, f0=f0)

    def separate_again(self, span: tuple[float, float] | None) -> Job:
        """Begin to separate the passages whose F0 changed, or one ``(start, end)`` in s.

        Raises:
            Busy: something else is being done. AudioError: there is nothing to do.
        """
        project = self.opened
        if project.tracks is None:
            raise AudioError("the recording is not separated yet")
        if span is not None and not 0 <= span[0] < min(span[1], project.info.seconds):
            raise SettingsError(f"start, end: {span[0]:g} to {span[1]:g} s is not within the recording")
        if span is None and not project.dirty:
            raise AudioError("nothing was changed since the stems were made")
        return self._start("again", project, span=span)

    def export(self, ids: Sequence[str], options: dict[str, Any]) -> Job:
        """Begin to write files for elsewhere (`vocsep.studio.exports`).

        Raises:
            Busy: something else is being done. SettingsError, DependencyError: this cannot be exported.
        """
        project = self.opened
        if project.tracks is None:
            raise AudioError("the recording is not separated yet")
        check(ids, options)
        return self._start("export", project, ids=[*ids], options=options)

    def cancel(self) -> Job | None:
        """Stop what is being done."""
        job = self.jobs.cancel()
        if self.project is not None and not self.jobs.running:
            without_scratch(self.project.folder)
        return job

    def close(self) -> None:
        """Stop everything and let go of the project."""
        self.jobs.close()
        with self.lock:
            if self.project is not None:
                without_scratch(self.project.folder)
                self.project.close()
                self.project = None

    def _start(self, kind: str, project: Project, **arguments: Any) -> Job:
        def finished(result: dict[str, Any]) -> None:
            changed = {key: value for key, value in result.items() if key != "files"}
            if changed:
                project.commit(**changed)

        task = {"kind": kind, "folder": str(project.folder), "settings": self.settings, **arguments}
        with self.lock:
            return self.jobs.start(task, finished)

    def refuse_while_busy(self) -> None:
        """Raise `Busy` where something is being done."""
        if self.jobs.running:
            raise Busy("something is being done; wait for it or cancel it")
