"""Pieces of a recording: several in work where there are cores, halved where memory is too small for them.

Threads that share one piece wait for each other; pieces at once, each by fewer threads, do not (measured in
docs/scale.md). And malloc keeps what pieces free.
"""

import ctypes
import gc
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from vocsep.errors import SettingsError

if TYPE_CHECKING:
    from concurrent.futures import Future

    import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")

SPANS_AT_ONCE = 2  # of F0 estimation

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


class Stopped(Exception):
    """Nobody waits for this piece any more."""


_in_work = threading.local()  # what says that nobody waits for the piece that a thread has in work


def still_wanted() -> None:
    """Look whether somebody waits for what this thread has in work, if it is one of `worked_at_once`.

    Whoever works on pieces looks here in every stage and, where a stage may take half a second, in every
    block of frames: a command that is stopped waits for its threads until they have looked.

    Raises:
        Stopped: nobody does.
    """
    stop: threading.Event | None = getattr(_in_work, "stop", None)
    if stop is not None and stop.is_set():
        raise Stopped


def worked_at_once(
    pieces: Sequence[Piece],
    work: Callable[[Piece], Result],
    halves: Callable[[Piece], Sequence[Piece]],
    device: "torch.device",
    most: int,
) -> Iterator[Result]:
    """`worked_in_pieces`, some pieces at a time.

    The threads that torch may use are shared among the pieces in work; those that are left over for the last
    round have them all. Whoever stops asking, or fails, waits until the pieces in work have ended or looked
    at `still_wanted`.

    Args:
        pieces, work, halves: as there; ``work`` is done in any thread.
        device: where ``work`` computes: one piece at a time, unless it is the processor.
        most: pieces in work at a time; no more than torch has threads.

    Raises:
        SettingsError: memory runs out however small a piece. What ``work`` raises of the first that fails.
    """
    from concurrent.futures import ThreadPoolExecutor  # a command that needs none starts sooner

    import torch

    threads = torch.get_num_threads()
    at_once = min(most, threads, len(pieces)) if device.type == "cpu" else 1
    if at_once <= 1:
        yield from worked_in_pieces(pieces, work, halves)
        return
    inference, last_round = torch.is_inference_mode_enabled(), len(pieces) % at_once
    stop = threading.Event()
    own = [threads // at_once] * len(pieces)
    if last_round:
        own[-last_round:] = [threads // last_round] * last_round

    def worked(piece: Piece, threads: int) -> list[Result]:
        _in_work.stop = stop
        still_wanted()
        torch.set_num_threads(threads)  # of this thread, and of those that begin after it
        with torch.inference_mode(inference):
            return list(worked_in_pieces([piece], work, halves))

    waiting, running = deque(zip(pieces, own, strict=True)), deque["Future[list[Result]]"]()
    pool = ThreadPoolExecutor(at_once, "vocsep")
    try:
        while waiting or running:
            done = running.popleft().result() if len(running) == at_once or not waiting else []
            while waiting and len(running) < at_once:
                running.append(pool.submit(worked, *waiting.popleft()))
            yield from done
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def worked_in_spans(
    spans: Sequence[tuple[int, int]],
    work: Callable[[tuple[int, int]], Result],
    least: int,
    device: "torch.device",
) -> Iterator[Result]:
    """`worked_at_once` of spans, first and one past the last, that may become as short as ``least``."""
    return worked_at_once(spans, work, lambda span: halved(span, least), device, SPANS_AT_ONCE)


def worked_on_cores(pieces: Sequence[Piece], work: Callable[[Piece], Result]) -> list[Result]:
    """`worked_at_once` of what F0 estimation does on the processor, which cannot be halved."""
    import torch

    return list(worked_at_once(pieces, work, lambda piece: (), torch.device("cpu"), SPANS_AT_ONCE))


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


@contextmanager
def no_garbage_in_imports() -> Iterator[None]:
    """Import torch without looking for garbage, nor through its modules later on.

    It makes hundreds of thousands of objects that stay, and a collector would go through them again and
    again. Once torch is there, this does nothing.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
