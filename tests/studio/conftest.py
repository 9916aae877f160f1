"""A duet that is sung and separated once; each test gets a copy of the project."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.demo import sing_demo
from vocsep.studio.project import Project
from vocsep.studio.tasks import Tasks

SECONDS = 12
SETTINGS = {"adapt": 0, "device": "cpu", "filter": "mask"}  # the quickest way to stems


@pytest.fixture(scope="session")
def duet() -> tuple[np.ndarray, int, F0Tracks]:
    """Stems ``(2, samples)`` of the highest and the lowest voice of the demo, their rate, their true F0."""
    stems, rate, tracks = sing_demo(0)
    frames = SECONDS * 125 // 2 + 1
    return stems[[0, 3], : SECONDS * rate], rate, F0Tracks(tracks.frequencies[[0, 3], :frames])


@pytest.fixture(scope="session")
def tasks() -> Tasks:
    """What computes, with its models loaded once."""
    return Tasks()


@pytest.fixture(scope="session")
def run(tasks: Tasks) -> Callable[..., dict[str, Any]]:
    """Do a task on a project in this process, and keep what it found, as the desk does."""

    def done(project: Project, kind: str, **arguments: Any) -> dict[str, Any]:
        task = {"kind": kind, "folder": str(project.folder), "settings": SETTINGS, **arguments}
        result = tasks.run(task, lambda stage, share: None)
        if "files" not in result:
            project.commit(**result)
        return result

    return done


@pytest.fixture(scope="session")
def sung(
    duet: tuple[np.ndarray, int, F0Tracks],
    run: Callable[..., dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Folder of a project whose recording lies in it, separated."""
    stems, rate, _ = duet
    folder = tmp_path_factory.mktemp("studio") / "Jürgens Chor"
    (folder / "recording").mkdir(parents=True)
    soundfile.write(folder / "recording" / "Frühling.wav", stems.sum(axis=0), rate, subtype="FLOAT")
    project = Project.create(folder, "recording/Frühling.wav")
    run(project, "separate", names=["Sopran", "Baß"])
    project.close()
    return folder


@pytest.fixture
def project(sung: Path, tmp_path: Path) -> Project:
    """A copy of the separated duet, opened."""
    folder = tmp_path / sung.name
    shutil.copytree(sung, folder)
    opened = Project.open(folder)
    yield opened
    opened.close()
