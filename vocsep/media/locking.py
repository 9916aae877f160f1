"""One run at a time in a folder: two that write the same stems would leave a mixture of both.

The folder itself is locked (``flock``): nothing lies about, and a process that is killed holds nothing.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vocsep.errors import AudioError
from vocsep.media.staging import folders_made


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where it lacks, and goes again if it is empty at the end.

    Where the system or the file system knows no such locks (Windows, some network drives), nothing is held.

    Raises:
        AudioError: somebody else holds it, or it cannot be made.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(folders_made([folder / "any"]))
            held = _lock(folder)
        except OSError as error:
            raise AudioError(f"{folder}: stems cannot be written ({error.strerror or error})") from None
        if held is not None:
            stack.callback(os.close, held)
        yield


def _lock(folder: Path) -> int | None:
    try:
        import fcntl
    except ImportError:
        return None
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise AudioError(
            f"{folder}: another run of vocsep is writing there; wait for it, or choose another folder"
        ) from None
    except OSError:
        os.close(held)
        return None
    return held
