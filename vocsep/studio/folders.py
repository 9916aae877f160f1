"""Which folder is whose project: found again beside its stems, or made."""

from collections.abc import Iterator
from itertools import count, takewhile
from pathlib import Path

from vocsep.errors import AudioError, VocsepError
from vocsep.media.leftovers import remove_leftovers
from vocsep.media.names import is_file_name
from vocsep.studio.project import Project
from vocsep.studio.project_file import NAME, read_project

UPLOADED = "recording"  # folder of a project in which a recording lies that was sent to it


def open_path(path: Path, projects: Path) -> Project:
    """The project of a path: a project's folder, its ``project.json``, or a recording, whose project is found
    again below ``projects`` or made there.

    Raises:
        AudioError: there is no such file, or it is neither a recording nor a project.
    """
    path = path.expanduser().absolute()
    if path.name == NAME and path.is_file():
        path = path.parent
    if path.is_dir():
        if not (path / NAME).is_file():
            raise AudioError(f"{path}: this folder holds no {NAME}; open a recording, or a project's folder")
        without_scratch(path)
        return Project.open(path)
    if not path.is_file():
        raise AudioError(f"{path}: no such file")
    # Its own project may lie around it, wherever that was moved to.
    for folder in (path.parent, path.parent.parent, *_taken(projects, path.stem)):
        if _recording_of(folder) == path.resolve():
            without_scratch(folder)
            return Project.open(folder)
    return _created(new_folder(projects, path.name), str(path))


def new_folder(projects: Path, name: str) -> Path:
    """A folder that does not exist yet, for a recording that was sent."""
    return next(folder for folder in _candidates(projects, Path(name).stem) if not folder.exists())


def without_scratch(folder: Path) -> None:
    """Remove what a program that was killed had begun to write."""
    for place in (folder, *filter(Path.is_dir, folder.iterdir())):
        remove_leftovers(place)


def _created(folder: Path, recording: str) -> Project:
    folder.mkdir(parents=True)
    try:
        return Project.create(folder, recording)
    except BaseException:
        folder.rmdir()
        raise


def _candidates(projects: Path, name: str) -> Iterator[Path]:
    called = "".join(sign if is_file_name(f"a{sign}a") else "_" for sign in name).strip(". ")
    called = called if is_file_name(called) else "recording"
    yield projects / called
    for number in count(2):
        yield projects / f"{called}_{number}"


def _taken(projects: Path, name: str) -> Iterator[Path]:
    return takewhile(Path.exists, _candidates(projects, name))


def _recording_of(folder: Path) -> Path | None:
    try:
        return (folder / read_project(folder).recording).resolve()
    except VocsepError:
        return None
