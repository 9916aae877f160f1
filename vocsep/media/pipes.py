"""Recordings that come through a pipe: ``-``, ``/dev/stdin``, ``<(command)``.

A pipe can be read once, and a recording is read twice, with jumps; so it is copied to a temporary file first.
"""

import os
import shutil
import stat
import sys
from pathlib import Path

from vocsep.errors import AudioError

STANDARD_INPUT = "-"


def regular_file(path: Path, folder: Path) -> Path:
    """The file itself, or a copy in ``folder`` of what comes through a pipe.

    ``-`` is standard input, unless a file is called so.

    Raises:
        AudioError: missing, a folder, empty, or a terminal.
    """
    if path.is_dir():
        raise AudioError(f"{path}: is a folder, not a recording")
    if not is_pipe(path):
        if not path.is_file():
            raise AudioError(f"{path}: no such file")
        if path.stat().st_size == 0:
            raise AudioError(f"{path}: is empty (0 bytes)")
        return path
    copy = folder / "piped"
    try:
        if str(path) == STANDARD_INPUT:
            if sys.stdin is None or os.isatty(sys.stdin.fileno()):
                raise AudioError(f"{path}: standard input is no recording; pipe one to it, or name a file")
            with copy.open("wb") as target:
                shutil.copyfileobj(sys.stdin.buffer, target)
        else:
            with path.open("rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target)
    except OSError as error:
        raise AudioError(f"{path}: the pipe cannot be read to a file ({error.strerror or error})") from None
    if copy.stat().st_size == 0:
        raise AudioError(f"{path}: nothing came through the pipe")
    return copy


def is_pipe(path: Path) -> bool:
    """Whether it is ``-`` for standard input, or a pipe by name."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return str(path) == STANDARD_INPUT
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
