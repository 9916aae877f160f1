"""One run at a time: two that write the same stems, or the same model, would leave a mixture of both.

Locks are those of the system (``flock``): a process that is killed holds nothing. Where the system or the
file system knows none (Windows, some network drives), nothing is held.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vocsep.errors import AudioError, ModelError
from vocsep.media.staging import folders_made


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where it lacks, and goes again if it is empty at the end.

    Raises:
        AudioError: somebody else holds it, or it cannot be made.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(folders_made([folder / "any"]))
            held = os.open(folder, os.O_RDONLY) if os.name == "posix" else None
        except OSError as error:
            raise AudioError(f"{folder}: stems cannot be written ({error.strerror or error})") from None
        if held is not None:
            stack.callback(os.close, held)
            if not _lock(held):
                raise AudioError(
                    f"{folder}: another run of vocsep is writing there; wait for it, or choose another folder"
                )
        yield


@contextmanager
def locked_output(output: Path, beside: Path) -> Iterator[None]:
    """Hold a file that takes long to be made, by a lock file in a folder, which goes at the end.

    Args:
        output: what is to be made; others in its folder are not held.
        beside: where the lock file lies, and where whoever makes the same output looks for it.

    Raises:
        ModelError: somebody else holds it, or the folder cannot be made.
    """
    path, held = beside / f"{output.name}.lock", None
    with ExitStack() as stack:
        try:
            stack.enter_context(folders_made([path]))
            while os.name == "posix" and held is None:
                held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
                stack.callback(os.close, held)
                if not _lock(held):
                    raise ModelError(
                        f"{output}: another run of vocsep is making it; wait for it, or choose another output"
                    )
                if not _is(path, held):
                    held = None  # whoever held it has removed it meanwhile
        except OSError as error:
            raise ModelError(f"{output}: cannot be written ({error.strerror or error})") from None
        if held is not None:
            stack.callback(path.unlink, missing_ok=True)
        yield


def _lock(held: int) -> bool:
    """Whether nobody else has locked the open file or folder; true where there are no locks."""
    import fcntl

    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _is(path: Path, held: int) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(held))
    except FileNotFoundError:
        return False
