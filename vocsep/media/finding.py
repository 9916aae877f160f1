"""Finding recordings below folders, by their extensions."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from vocsep.errors import AudioError
from vocsep.media.decode import ANY_FORMAT


def find_audio(paths: Iterable[str | Path]) -> list[Path]:
    """Recordings named, or below the folders named: each once, sorted within a folder, hidden ones ignored.

    Raises:
        AudioError: a path does not exist, or a folder holds no recording (known by the extension).
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            below = sorted(_below(path))
            if not below:
                raise AudioError(f"{path}: no recording in this folder or below it")
            found.update(dict.fromkeys(below))
        elif path.exists():
            found[path] = None
        else:
            raise AudioError(f"{path}: no such file or folder")
    return list(found)


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in ANY_FORMAT:
                yield Path(root, name)
