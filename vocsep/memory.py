"""Memory: work too large for a device is halved until it fits, and malloc keeps what was freed."""

import ctypes
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from vocsep.errors import SettingsError

Piece = TypeVar("Piece")
Result = TypeVar("Result")

# Parameters of glibc's mallopt (malloc.h): bytes of free memory above which the heap shrinks, bytes from
# which a block is mapped by itself, and number of heaps. Heaps of threads keep what others could use, and
# shrink and grow all the time.
CHOSEN = {-1: 256 * 2**20, -3: 128 * 2**20, -8: 1}


def worked_in_pieces(
    pieces: Iterable[Piece], work: Callable[[Piece], Result], halves: Callable[[Piece], Sequence[Piece]]
) -> Iterator[Result]:
    """What ``work`` makes of each piece, in their order; of its parts instead where memory ran out.

    Args:
        pieces: of the recording.
        work: on one of them.
        halves: parts of a piece, in order; none where it is as small as it can be.

    Raises:
        SettingsError: memory runs out however small the piece.
    """
    import torch  # a command that needs none starts sooner

    todo = deque(pieces)
    while todo:
        piece = todo.popleft()
        try:
            result = work(piece)
        except torch.OutOfMemoryError:
            smaller = halves(piece)
            if not smaller:
                raise SettingsError(
                    "device: out of memory even for a small piece of the recording; try --device cpu"
                ) from None
            todo.extendleft(reversed(smaller))
            continue
        yield result


def halved(span: tuple[int, int], least: int) -> list[tuple[int, int]]:
    """The two halves of a span, first and one past the last; none where they were shorter than ``least``.

    >>> halved((10, 31), 5), halved((10, 31), 11)
    ([(10, 20), (20, 31)], [])
    """
    middle = (span[0] + span[1]) // 2
    return [(span[0], middle), (middle, span[1])] if middle - span[0] >= least else []


def keep_freed_memory() -> bool:
    """Let this process's malloc keep what was freed, instead of asking the system for it again at once.

    Tensors of a chunk come and go many times a second. By default glibc maps large ones anew, and the kernel
    fills their pages with zeros as they are touched; Dask lets its workers give back even 64 kB, which took
    half of their time. Environment variables would do the same, but are read when a process begins.

    Returns:
        Whether it is a malloc that can be told.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or none that can be looked into
        return False
    return all(bool(mallopt(parameter, value)) for parameter, value in CHOSEN.items())
