"""Files that are never half there: written beside their targets, then moved into their places."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vocsep.media.leftovers import own_name, remove_leftovers


@contextmanager
def written_beside(target: Path) -> Iterator[Path]:
    """A hidden file in the target's folder to write to; it becomes the target if the block ends well.

    Its name is short, whatever the target's, and has the same suffix in lower case, by which libraries choose
    a format. What a block that fails has written is removed.

    Raises:
        OSError: the target cannot be replaced.
    """
    with all_written_beside([target]) as (staged,):
        yield staged


@contextmanager
def all_written_beside(targets: Sequence[Path]) -> Iterator[list[Path]]:
    """`written_beside` for several files: none becomes its target before all are written.

    Raises:
        OSError: a target cannot be replaced.
    """
    with scratch_beside(targets) as staged:
        yield staged
        for path, target in zip(staged, targets, strict=True):
            path.replace(target)


@contextmanager
def scratch_beside(targets: Sequence[Path]) -> Iterator[list[Path]]:
    """Hidden names for files in the folders of the targets; what is there when the block ends is removed.

    So is what a run that was killed has left in these folders.
    """
    for folder in {target.parent for target in targets}:
        remove_leftovers(folder)
    paths = [target.with_name(own_name(suffix=target.suffix.lower())) for target in targets]
    try:
        yield paths
    finally:
        for path in paths:
            # The folder may not exist, or its name may be a file's: then there is nothing to remove.
            with suppress(OSError):
                path.unlink(missing_ok=True)


@contextmanager
def folders_made(targets: Sequence[Path]) -> Iterator[None]:
    """Make the folders that the targets lie in; those that were made and are empty when the block ends go.

    Raises:
        OSError: a folder cannot be made.
    """
    made: list[Path] = []
    try:
        for folder in (target.parent for target in targets):
            lacking = [parent for parent in (folder, *folder.parents) if not parent.exists()]
            made += reversed(lacking)
            folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for folder in reversed(made):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
