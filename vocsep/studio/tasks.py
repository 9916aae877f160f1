"""What the computing process can do: separate a project's recording, separate passages again, export."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vocsep.pitch.alternatives import alternatives_of, surely_sung
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.further import KeptTracks
from vocsep.separation.separator import Separator
from vocsep.studio.again import AgainSeparated, separated_with, splice
from vocsep.studio.exports import export
from vocsep.studio.passages import plan_passages
from vocsep.studio.project import Project
from vocsep.studio.project_file import write_arrays

Progress = Callable[[str, float], None]

PITCH = 0.2  # share of the time of a separation that pitches take: 0.17 measured, 0.23 without adaptation


class Tasks:
    """Runs tasks; the models are loaded at the first that needs them."""

    def __init__(self) -> None:
        self._separator: Separator | None = None
        self._settings: dict[str, Any] = {}

    def run(self, task: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """Do a task.

        Args:
            task: ``{"kind", "folder", "settings", ...}``; what else it holds are the arguments of its kind.
            progress: told the stage and the share of the whole task that is done.

        Returns:
            Attributes of the project's file to change, or ``{"files": [names]}`` of an export.
        """
        kinds: dict[str, Callable[..., dict[str, Any]]]
        kinds = {"separate": self._separate, "again": self._again, "export": self._export}
        own = {key: value for key, value in task.items() if key not in ("kind", "folder", "settings")}
        project = Project.open(Path(task["folder"]))
        try:
            return kinds[task["kind"]](project, task["settings"], progress, **own)
        finally:
            project.close()

    def _models(self, settings: dict[str, Any]) -> Separator:
        if self._separator is None or settings != self._settings:
            self._separator, self._settings = Separator(**settings), settings
        return self._separator

    def _separate(
        self,
        project: Project,
        settings: dict[str, Any],
        progress: Progress,
        voices: int | None = None,
        names: list[str] | None = None,
        f0: str | None = None,
    ) -> dict[str, Any]:
        """All of the recording: pitches, or those of a file, and stems."""

        def told(stage: str, share: float) -> None:
            progress(stage, PITCH * share if stage == "pitch" else PITCH + (1 - PITCH) * share)

        progress("models", 0.0)
        tracks = None if f0 is None else F0Tracks.read_csv(f0, voices, names)
        separator, kept = self._models(settings), KeptTracks()
        report = separator.separate_file(
            project.recording,
            project.folder,
            voices,
            names=names,
            tracks=tracks,
            format="wav",
            bit_depth="float",
            overwrite=True,
            further=[kept],
            progress=told,
        )
        number = project.file.stems_revision + 1
        files = {"pitches": f"pitches-{number}.safetensors", "separated": f"separated-{number}.safetensors"}
        # What stems were estimated from: a passage that is separated again then fits those beside it.
        both = surely_sung(kept.tracks), alternatives_of(kept.tracks)
        found, near = (np.nan_to_num(t.frequencies) for t in both)
        write_arrays(project.folder / files["pitches"], estimated=found, alternative=near)
        write_arrays(project.folder / files["separated"], f0=found, sure=report.confidence)
        return files | {
            "voices": [path.stem for path in report.stems],
            "notes": report.warnings,
            "stems_revision": number,
            "edits": [],
            "done": 0,
            "revision": project.file.revision + 1,
        }

    def _again(
        self,
        project: Project,
        settings: dict[str, Any],
        progress: Progress,
        span: tuple[float, float] | None = None,
    ) -> dict[str, Any]:
        """The passages whose F0 changed, or one."""
        progress("models", 0.0)
        separator, tracks = self._models(settings), project.with_alternatives
        assert project.separated is not None  # together with the tracks
        passages = plan_passages(project.dirty if span is None else [span], project.info.seconds)
        begun = np.cumsum([0.0, *(passage.end - passage.begin for passage in passages)])

        def told(index: int) -> Callable[[float], None]:
            length = begun[index + 1] - begun[index]
            return lambda share: progress("separation", (begun[index] + share * length) / begun[-1])

        separated = [
            AgainSeparated(separator, project.source, tracks, passage, told(index))
            for index, passage in enumerate(passages)
        ]
        splice(project.stems, list(zip(passages, separated, strict=True)))
        sure = project.sure.copy()
        for passage, one in zip(passages, separated, strict=True):
            first, last = int(passage.first), min(int(np.ceil(passage.last)), sure.shape[1])
            new = one.sure[:, first - passage.begin : last - passage.begin]
            sure[:, first : first + new.shape[1]] = new
        number = project.file.stems_revision + 1
        file = f"separated-{number}.safetensors"
        f0 = separated_with(project.separated, tracks, passages)
        write_arrays(project.folder / file, f0=f0, sure=sure)
        return {"separated": file, "stems_revision": number}

    def _export(
        self,
        project: Project,
        settings: dict[str, Any],
        progress: Progress,
        ids: list[str],
        options: dict[str, Any],
    ) -> dict[str, Any]:
        """Files for elsewhere."""
        return {"files": export(project, ids, options, lambda share: progress("export", share))}
