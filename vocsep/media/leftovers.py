"""What a killed run has left behind: hidden files and folders whose names say which process made them.

A process that is killed (``kill -9``, power cut) cannot tidy up. So temporary names hold the machine and the
number of the process, and whoever comes later removes what belongs to a process that no longer exists on this
machine, and nothing else: neither files of others, nor of running processes, nor what has another name.
"""

import os
import re
import shutil
import socket
import stat
import tempfile
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

HIDDEN = ".vocsep-"  # files beside their targets
FOLDER = "vocsep-"  # folders in the system's place for temporary files
_NAME = re.compile(r"\.?vocsep-([0-9a-f]{8})-(\d{1,10})-\w+(\.\w+)?")


def own_name(prefix: str = HIDDEN, suffix: str = "") -> str:
    """A new name for something temporary of this process."""
    return f"{prefix}{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:16]}{suffix}"


@contextmanager
def temporary_folder(place: Path | None = None) -> Iterator[Path]:
    """A folder for temporary files that is gone at the end; what killed runs left there goes, too.

    Args:
        place: where to make it; default: the system's place for temporary files.
    """
    place = place or Path(tempfile.gettempdir())
    _remove_once(place, os.getpid())
    folder = place / own_name(FOLDER)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove what processes of vocsep that were killed have left in a folder (not below it).

    Returns:
        What was removed.
    """
    removed = []
    with suppress(OSError):  # a folder that cannot be read holds nothing that we could remove
        for entry in os.scandir(folder):
            match = _NAME.fullmatch(entry.name)
            if not match or match[1] != _machine() or _lives(int(match[2])):
                continue
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if hasattr(os, "getuid") and status.st_uid != os.getuid():
                    continue
                if stat.S_ISDIR(status.st_mode) and entry.name.startswith(FOLDER):
                    shutil.rmtree(entry.path)
                elif stat.S_ISREG(status.st_mode) and entry.name.startswith(HIDDEN):
                    Path(entry.path).unlink()
                else:
                    continue
                removed.append(Path(entry.path))
    return removed


@cache
def _remove_once(folder: Path, process: int) -> None:
    remove_leftovers(folder)


@cache
def _machine() -> str:
    """Eight digits for the machine, or the container: process numbers mean nothing beyond it."""
    try:
        space = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        space = ""
    return f"{zlib.crc32(f'{socket.gethostname()} {space}'.encode()):08x}"


def _lives(process: int) -> bool:
    """Whether a process exists; where that cannot be asked without harm (Windows), it is taken to."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    # Killed, and nobody has asked how it ended: in a container there may be nobody who ever will.
    with suppress(OSError):  # only Linux tells
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True
