"""The project file, ``project.json`` beside the stems: what a project is, readable by people and programs.

It is written beside itself and renamed at every change, so that whatever becomes of the program, the file
holds the state before the change or after it. Arrays lie in safetensors files that it names.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from vocsep.errors import AudioError
from vocsep.media.names import is_file_name
from vocsep.media.staging import written_beside
from vocsep.studio.edits import Edit, parse_edit

NAME = "project.json"
FORMAT, VERSION = "vocsep project", 1


@dataclass(frozen=True)
class ProjectFile:
    """What ``project.json`` holds.

    Attributes:
        recording: path of the recording; relative paths begin at the project's folder.
        voices: their names, which are the names of the stems; none before the recording is separated.
        edits: all corrections that were made and not discarded.
        done: how many of them hold; the others were undone and can be done again.
        revision: grows with every change of F0. stems_revision: grows with every change of the stems.
        pitches: name of the file of arrays ``estimated`` and ``alternative``, ``(voices, frames)`` in Hz, 0 =
            unvoiced.
        separated: name of the file of arrays ``f0``, like these, with which the stems were made, and
            ``sure``, ``(voices, seconds)`` (`vocsep.filtering.confidence`).
        notes: what a listener should know.
    """

    recording: str
    voices: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    done: int = 0
    revision: int = 0
    stems_revision: int = 0
    pitches: str = ""
    separated: str = ""
    notes: tuple[str, ...] = ()

    def with_edit(self, edit: Edit) -> "ProjectFile":
        """One more correction; those that were undone are discarded."""
        return self._at((*self.edits[: self.done], edit), self.done + 1)

    def moved(self, steps: int) -> "ProjectFile":
        """One correction undone (-1) or done again (1).

        Raises:
            AudioError: there is none.
        """
        done = self.done + steps
        if not 0 <= done <= len(self.edits):
            raise AudioError("there is nothing to undo" if steps < 0 else "there is nothing to do again")
        return self._at(self.edits, done)

    def _at(self, edits: tuple[Edit, ...], done: int) -> "ProjectFile":
        return replace(self, edits=edits, done=done, revision=self.revision + 1)

    def write(self, folder: Path) -> None:
        """Write ``project.json`` of a folder, at once or not at all.

        Raises:
            AudioError: it cannot be written.
        """
        plain = {
            "format": FORMAT,
            "version": VERSION,
            **vars(self),
            "edits": [edit.to_dict() for edit in self.edits],
        }
        try:
            with written_beside(folder / NAME) as staged:
                staged.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise AudioError(f"{folder / NAME}: cannot be written ({error.strerror})") from None


def read_project(folder: Path) -> ProjectFile:
    """``project.json`` of a folder.

    Raises:
        AudioError: it is no such file, is damaged, or was written by a later version.
    """
    path = folder / NAME
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AudioError(f"{path}: cannot be read as a project ({error})") from None
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise AudioError(f"{path}: is no project of vocsep")
    if plain.get("version") != VERSION:
        raise AudioError(f"{path}: is of version {plain.get('version')!r}, this vocsep reads {VERSION}")
    edits = tuple(parse_edit(edit) for edit in _list(path, plain, "edits"))
    voices = tuple(str(name) for name in _list(path, plain, "voices"))
    files = [str(plain.get(key, "")) for key in ("pitches", "separated")]
    unfit = [name for name in (*voices, *filter(None, files)) if not is_file_name(name)]
    if unfit:
        raise AudioError(f"{path}: {unfit[0]!r} cannot be the name of a file")
    counts = {key: plain.get(key, 0) for key in ("done", "revision", "stems_revision")}
    if not all(isinstance(count, int) and count >= 0 for count in counts.values()):
        raise AudioError(f"{path}: done and revisions are whole numbers")
    if counts["done"] > len(edits) or not isinstance(plain.get("recording"), str):
        raise AudioError(f"{path}: is damaged")
    notes = tuple(str(note) for note in _list(path, plain, "notes"))
    return ProjectFile(
        plain["recording"], voices, edits, **counts, pitches=files[0], separated=files[1], notes=notes
    )


def _list(path: Path, plain: dict[str, Any], key: str) -> list[Any]:
    value = plain.get(key, [])
    if not isinstance(value, list):
        raise AudioError(f"{path}: {key} is no list")
    return value


def write_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write named arrays, at once or not at all.

    Raises:
        AudioError: the file cannot be written.
    """
    try:
        with written_beside(path) as staged:
            staged.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))
    except OSError as error:
        raise AudioError(f"{path}: cannot be written ({error.strerror})") from None


def read_arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """Arrays of these names.

    Raises:
        AudioError: the file cannot be read, or lacks one.
    """
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise AudioError(f"{path}: cannot be read ({error})") from None
    lacking = [name for name in names if name not in arrays]
    if lacking:
        raise AudioError(f"{path}: holds no {lacking[0]}")
    return [arrays[name] for name in names]
