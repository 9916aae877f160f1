"""Folders that results go to: on a disk, or in a store that fsspec knows (``s3://``, ``gs://``, ``memory://``).

In both a file is there whole or not at all: it is written under a hidden name and then renamed.
"""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from vocsep.archive.stores import is_remote, store_of
from vocsep.media.leftovers import temporary_folder
from vocsep.media.staging import written_beside

OWN = ".vocsep"  # the folder of what is in work, inside of the folder of results
SCRATCH = f"{OWN}/work"  # results that are being made


class ResultFolder(Protocol):
    """A folder of results; names are relative to it, with ``/`` between folders."""

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Make or replace a file."""

    def take(self, file: Path, name: str) -> None:
        """Move a file of this machine into the folder; one of the same name is replaced."""

    def append(self, name: str, content: bytes) -> None:
        """Add to the end of a file. In a store, which cannot, a further file ``name.0001`` is made."""

    def parts(self, name: str) -> list[bytes]:
        """All that was appended under a name, in order."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file or folder."""

    def remove(self, name: str) -> None:
        """Remove a file, or a folder and all that is in it; nothing happens where there is none."""

    def scratch(self) -> Any:
        """Context manager: a folder of this machine for what is to be moved here, removed afterwards."""


class DiskFolder:
    """On a disk that all workers see under the same name."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> bytes | None:
        path = self.root / name
        return path.read_bytes() if path.is_file() else None

    def write(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(path) as staged:
            staged.write_bytes(content)

    def take(self, file: Path, name: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        file.replace(path)

    def append(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, 2)
                if file.read(1) != b"\n":  # a line that was cut off when the machine went down
                    content = b"\n" + content
            file.write(content)

    def parts(self, name: str) -> list[bytes]:
        content = self.read(name)
        return [] if content is None else [content]

    def exists(self, name: str) -> bool:
        return (self.root / name).exists()

    def remove(self, name: str) -> None:
        path = self.root / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(FileNotFoundError):
                path.unlink()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        folder = self.root / SCRATCH / uuid.uuid4().hex  # here, so that files can be renamed
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class StoreFolder:
    """In a store, through fsspec."""

    def __init__(self, place: str) -> None:
        self._store, root = store_of(place)
        self._root = root.rstrip("/")

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def read(self, name: str) -> bytes | None:
        try:
            return bytes(self._store.cat_file(self._path(name)))
        except (FileNotFoundError, IsADirectoryError):
            return None

    def write(self, name: str, content: bytes) -> None:
        with temporary_folder() as folder:
            file = folder / "content"
            file.write_bytes(content)
            self.take(file, name)

    def take(self, file: Path, name: str) -> None:
        path = self._path(name)
        parent, _, last = path.rpartition("/")
        hidden = f"{parent}/.vocsep-{uuid.uuid4().hex}-{last}"
        self._store.makedirs(parent, exist_ok=True)
        try:
            self._store.put_file(str(file), hidden)
            self._store.mv(hidden, path)
        except BaseException:
            with suppress(Exception):  # what went wrong before is what is to be said
                self._store.rm_file(hidden)
            raise
        file.unlink()

    def append(self, name: str, content: bytes) -> None:
        self.write(f"{name}.{len(self._numbered(name)):06d}", content)

    def parts(self, name: str) -> list[bytes]:
        return [bytes(self._store.cat_file(path)) for path in self._numbered(name)]

    def _numbered(self, name: str) -> list[str]:
        self._store.invalidate_cache()
        return sorted(str(path) for path in self._store.glob(self._path(f"{name}.??????")))

    def exists(self, name: str) -> bool:
        return bool(self._store.exists(self._path(name)))

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._store.rm(self._path(name), recursive=True)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        with temporary_folder() as folder:
            yield folder


def result_folder(place: str) -> ResultFolder:
    """The folder of that name or address.

    Raises:
        DependencyError: the package for this kind of store is not installed.
    """
    return StoreFolder(place) if is_remote(place) else DiskFolder(Path(place))
