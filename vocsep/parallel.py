"""Pieces of a recording at once, each by fewer threads: threads that share one piece wait for each other.

Measured on 60 s of four voices: docs/scale.md.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from vocsep.memory import halved, worked_in_pieces

if TYPE_CHECKING:
    import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")

SPANS_AT_ONCE = 2  # of F0 estimation, each of which takes some 200 MB


class Stopped(Exception):
    """Nobody waits for this piece any more."""


def worked_at_once(
    pieces: Sequence[Piece],
    work: Callable[[Piece], Result],
    halves: Callable[[Piece], Sequence[Piece]],
    device: "torch.device",
    most: int,
    stop: threading.Event | None = None,
) -> Iterator[Result]:
    """`vocsep.memory.worked_in_pieces`, some pieces at a time.

    The threads that torch may use are shared among the pieces in work; those that are left over for the last
    round have them all. Whoever stops asking, or fails, waits until the pieces in work have ended.

    Args:
        pieces, work, halves: as there; ``work`` is done in any thread.
        device: where ``work`` computes: one piece at a time, unless it is the processor.
        most: pieces in work at a time; no more than torch has threads.
        stop: set when nobody waits any more; ``work`` may look at it and raise `Stopped`.

    Raises:
        SettingsError: memory runs out however small a piece. What ``work`` raises of the first that fails.
    """
    import torch  # a command that needs none starts sooner

    threads = torch.get_num_threads()
    at_once = min(most, threads, len(pieces)) if device.type == "cpu" else 1
    if at_once <= 1:
        yield from worked_in_pieces(pieces, work, halves)
        return
    inference, last_round = torch.is_inference_mode_enabled(), len(pieces) % at_once
    own = [threads // at_once] * len(pieces)
    if last_round:
        own[-last_round:] = [threads // last_round] * last_round

    def worked(piece: Piece, threads: int) -> list[Result]:
        torch.set_num_threads(threads)  # of this thread, and of those that begin after it
        with torch.inference_mode(inference):
            return list(worked_in_pieces([piece], work, halves))

    waiting, running = deque(zip(pieces, own, strict=True)), deque[Future[list[Result]]]()
    pool = ThreadPoolExecutor(at_once, "vocsep")
    try:
        while waiting or running:
            done = running.popleft().result() if len(running) == at_once or not waiting else []
            while waiting and len(running) < at_once:
                running.append(pool.submit(worked, *waiting.popleft()))
            yield from done
    finally:
        if stop is not None:
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
