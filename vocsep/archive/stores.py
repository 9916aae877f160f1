"""Recordings on a disk or in a store: what there is, and a copy of one on this machine."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from vocsep.errors import AudioError, DependencyError
from vocsep.media.decode import ANY_FORMAT
from vocsep.media.leftovers import temporary_folder

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://")
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}  # protocol -> the extra that it needs
STAMPS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated", "created")


@dataclass(frozen=True)
class Found:
    """A recording, and what tells whether it has changed since.

    Attributes:
        place: path or address.
        size: bytes.
        stamp: changes with the content: a checksum where the store has one, else a time.
    """

    place: str
    size: int
    stamp: str

    @property
    def path(self) -> PurePath:
        """Name and folders, wherever they are."""
        place = self.place
        return PurePosixPath(place.partition("://")[2]) if is_remote(place) else Path(place).resolve()


def is_remote(place: str) -> bool:
    """Whether this is an address of fsspec and not a path.

    >>> is_remote("s3://choirs/1998"), is_remote("C:/choirs")
    (True, False)
    """
    return ADDRESS.match(place) is not None


def store_of(place: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Raises:
        DependencyError: the package that it needs is not installed.
        AudioError: there is no such kind of store, or it cannot be reached.
    """
    import fsspec

    try:
        store, path = fsspec.core.url_to_fs(place)
    except ImportError as error:
        protocol = place.partition("://")[0]
        extra = EXTRAS.get(protocol)
        told = f'pip install "vocsep[{extra}]"' if extra else str(error)
        raise DependencyError(f"{place}: a package for {protocol}:// is not installed: {told}") from None
    except (ValueError, OSError) as error:
        raise AudioError(f"{place}: {' '.join(str(error).split())}") from None
    return store, str(path)


def find_in_store(place: str) -> list[Found]:
    """The recordings below an address, or the one that it names, sorted; hidden ones are passed over.

    Raises:
        AudioError: nothing there.
        DependencyError: as in `store_of`.
    """
    store, root = store_of(place)
    root = root.rstrip("/")
    try:
        files: dict[str, dict[str, Any]] = store.find(root, detail=True)
    except OSError as error:
        raise AudioError(f"{place}: cannot be listed ({error})") from None
    found = []
    for path, info in sorted(files.items()):
        below = path[len(root) :].strip("/").split("/")
        hidden = any(part.startswith(".") for part in below)
        if not hidden and Path(path).suffix.lower() in ANY_FORMAT:
            found.append(_found(str(store.unstrip_protocol(path)), info))
    if not found:
        raise AudioError(f"{place}: no recording there")
    return found


def find_on_disk(path: Path) -> Found:
    """What is known of a file.

    Raises:
        OSError: there is none.
    """
    state = path.stat()
    return Found(str(path), state.st_size, str(state.st_mtime_ns))


def _found(place: str, info: dict[str, Any]) -> Found:
    stamp = next((str(info[name]) for name in STAMPS if info.get(name)), "")
    return Found(place, int(info.get("size") or 0), stamp)


@contextmanager
def on_this_machine(place: str) -> Iterator[Path]:
    """The recording as a file here: itself where it lies on a disk, else a copy, removed afterwards.

    Raises:
        AudioError: it cannot be fetched.
    """
    if not is_remote(place):
        yield Path(place)
        return
    store, path = store_of(place)
    with temporary_folder() as folder:
        copy = folder / Path(path).name
        try:
            store.get_file(path, str(copy))
        except OSError as error:
            raise AudioError(f"{place}: cannot be fetched ({error})") from None
        yield copy
