"""Files that are never half there: written beside their target, then moved into its place."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def written_beside(target: Path) -> Iterator[Path]:
    """A hidden file in the target's folder to write to; it becomes the target if the block ends well.

    Its name is short, whatever the target's, and has the same suffix in lower case, by which libraries choose
    a format. What a block that fails has written is removed.

    Raises:
        OSError: the target cannot be replaced.
    """
    staged = target.with_name(f".vocsep-{uuid.uuid4().hex}{target.suffix.lower()}")
    try:
        yield staged
        staged.replace(target)
    finally:
        # The folder may not exist, or its name may be a file's: then there is nothing to remove.
        with suppress(OSError):
            staged.unlink(missing_ok=True)


def is_file_name(name: str) -> bool:
    """Whether a file may be called so on any system, without leaving its folder or hiding in it.

    >>> is_file_name("alto 2"), is_file_name("../alto")
    (True, False)
    """
    return bool(name) and not (
        name.startswith(".") or any(sign in '/\\:*?"<>|' or not sign.isprintable() for sign in name)
    )
