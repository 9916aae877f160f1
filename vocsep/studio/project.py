"""An opened project: a recording, its stems, and its pitches as estimated, as corrected and as separated."""

import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import AudioError
from vocsep.media.reading import AudioInfo, open_audio
from vocsep.pitch.alternatives import EstimatedTracks
from vocsep.pitch.tracks import F0Tracks
from vocsep.studio.edits import Edit, edited
from vocsep.studio.passages import changed_frames, stretches
from vocsep.studio.project_file import NAME, ProjectFile, read_arrays, read_project

Span = tuple[float, float]


class Project:
    """One recording on the desk; its methods may be called from any thread.

    Args:
        folder: of the project. file: what its ``project.json`` holds.

    Attributes:
        recording: path of the recording. source: the recording, open; `lock` is held while it is read.
        tracks: F0 as they are now; None before the recording is separated.
        separated: F0 with which the stems were made; None likewise.
        sure: ``(voices, seconds)`` of the stems.

    Raises:
        AudioError: the recording or a file of the project cannot be read.
    """

    def __init__(self, folder: Path, file: ProjectFile) -> None:
        self.folder, self.file = folder, file
        self.recording = folder / file.recording
        self.lock = threading.RLock()
        self.tracks: F0Tracks | None = None
        self.separated: F0Tracks | None = None
        self.estimated: EstimatedTracks | None = None
        self.sure: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._load()
        self._opened = ExitStack()
        self.source = self._opened.enter_context(open_audio(self.recording))

    @staticmethod
    def open(folder: Path) -> "Project":
        """The project of a folder, as its ``project.json`` says."""
        return Project(folder, read_project(folder))

    @staticmethod
    def create(folder: Path, recording: str) -> "Project":
        """A new project; what cannot be read as a recording leaves no project behind."""
        project = Project(folder, ProjectFile(recording))
        project.file.write(folder)
        return project

    def close(self) -> None:
        """Close the recording."""
        with self.lock:
            self._opened.close()

    @property
    def info(self) -> AudioInfo:
        return self.source.info

    @property
    def stems(self) -> list[Path]:
        """The files of the stems; none before the recording is separated."""
        return [self.folder / f"{name}.wav" for name in self.file.voices]

    @property
    def dirty(self) -> list[Span]:
        """Passages ``(start, end)`` in s whose stems are older than their F0."""
        if self.tracks is None or self.separated is None:
            return []
        return stretches(changed_frames(self.tracks, self.separated))

    @property
    def with_alternatives(self) -> EstimatedTracks:
        """The F0 now, with what else was heard near them where nothing was corrected.

        Raises:
            AudioError: the recording is not separated yet.
        """
        if self.tracks is None or self.estimated is None:
            raise AudioError("the recording is not separated yet")
        kept = ~changed_frames(self.tracks, self.estimated)
        alternative = np.where(kept, self.estimated.alternative.frequencies, np.nan)
        return EstimatedTracks(self.tracks.frequencies, F0Tracks(alternative), names=self.file.voices)

    def edit(self, edit: Edit) -> Span:
        """Correct pitches and keep it; returns what changed, in s.

        Raises:
            F0Error: the correction does not fit. AudioError: nothing is separated, or it cannot be kept.
        """
        with self.lock:
            if self.tracks is None:
                raise AudioError("the recording is not separated yet: there are no pitches to correct")
            return self._become(self.file.with_edit(edit), edit.apply(self.tracks))

    def step(self, steps: int) -> Span:
        """One correction undone (-1) or done again (1); returns what changed, in s."""
        with self.lock:
            file = self.file.moved(steps)
            assert self.estimated is not None  # there are no edits of what is not separated
            return self._become(file, edited(_plain(self.estimated), file.edits[: file.done]))

    def commit(self, **changed: Any) -> None:
        """Replace attributes of the project's file, keep it, and read the arrays that it names now."""
        with self.lock:
            self._refuse_if_changed_elsewhere()
            before = self.file
            self.file = replace(before, **changed)
            try:
                self._load()
                self.file.write(self.folder)
            except BaseException:
                self.file = before
                self._load()
                raise
            for old in {before.pitches, before.separated} - {self.file.pitches, self.file.separated, ""}:
                (self.folder / old).unlink(missing_ok=True)
            for name in set(before.voices) - set(self.file.voices):
                (self.folder / f"{name}.wav").unlink(missing_ok=True)

    def _become(self, file: ProjectFile, tracks: F0Tracks) -> Span:
        assert self.tracks is not None
        self._refuse_if_changed_elsewhere()
        changed = changed_frames(self.tracks, tracks)
        file.write(self.folder)
        self.file, self.tracks = file, tracks
        spans = stretches(changed, np.inf)
        return spans[0] if spans else (0.0, 0.0)

    def _refuse_if_changed_elsewhere(self) -> None:
        """Two studios may have one project open: what the other one kept is not written over."""
        kept = read_project(self.folder)
        if (kept.revision, kept.stems_revision) != (self.file.revision, self.file.stems_revision):
            raise AudioError(f"{self.folder / NAME}: was changed by another program; open the project again")

    def _load(self) -> None:
        file = self.file
        if not file.pitches:
            return
        f0, alternative = read_arrays(self.folder / file.pitches, "estimated", "alternative")
        separated, sure = read_arrays(self.folder / file.separated, "f0", "sure")
        if not f0.shape == alternative.shape == separated.shape or len(f0) != len(file.voices):
            raise AudioError(f"{self.folder / NAME}: its arrays do not fit its voices")
        self.estimated = EstimatedTracks(f0, F0Tracks(alternative), names=file.voices)
        self.separated, self.sure = F0Tracks(separated, names=file.voices), np.asarray(sure, np.float32)
        self.tracks = edited(_plain(self.estimated), file.edits[: file.done])


def _plain(tracks: EstimatedTracks) -> F0Tracks:
    return F0Tracks(tracks.frequencies, names=tracks.names)
