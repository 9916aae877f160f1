"""The training loop: learn from examples, validate on held-out ones, keep the best.

Every network of vocsep is trained by this loop; what differs is in a `vocsep.training.task.Task`. The loop
knows nothing of files: `vocsep.training.run` feeds it and keeps what it reached.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from vocsep.training.examples import Draw, SomeBatch
from vocsep.training.schedule import Progress, Schedule
from vocsep.training.trainer import Trainer


def train_steps(
    trainer: Trainer[SomeBatch],
    draw: Draw[SomeBatch],
    held_out: Sequence[SomeBatch],
    schedule: Schedule,
    *,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Callable[[], None] | None = None,
) -> str:
    """Train until a bound is reached or nothing improves any more; the trainer then knows the best weights.

    Args:
        trainer: fresh, or restored.
        draw: gives the batch of a step, by the number of steps done before.
        held_out: never learned from; at least one batch.
        schedule: bounds and rates.
        progress: called after each step and after each validation, by each process that trains along.
        checkpoint: called after each validation; `KeyboardInterrupt` passes through without it.

    Returns:
        Why it ended: ``"steps"``, ``"time"`` or ``"no improvement"``.

    Raises:
        KeyboardInterrupt: ``progress`` raised it.
    """
    began, processes = time.monotonic() - trainer.at.seconds, trainer.processes

    def tell() -> None:
        seconds = processes.of_leader(time.monotonic() - began)
        done = schedule.share_done(trainer.at.step, seconds)
        left = seconds * (1.0 - done) / done if done > 0 else None
        trainer.at = replace(trainer.at, seconds=seconds, share_done=done, seconds_left=left)
        if progress is not None:
            progress(trainer.at)

    def validate() -> None:
        trainer.validate(held_out)
        tell()
        if checkpoint is not None:
            checkpoint()

    while True:
        at = trainer.at
        # A run may have been stopped between a step and its validation.
        if at.validated_at < 0 or (at.validated_at < at.step and at.step % schedule.validate_every == 0):
            validate()
        if schedule.exhausted(trainer.at.stale):
            return "no improvement"
        if schedule.share_done(trainer.at.step, trainer.at.seconds) >= 1.0:
            break
        rate = schedule.rate(trainer.at.step, trainer.at.seconds)
        trainer.step(draw(trainer.at.step), rate, schedule.clip)
        tell()
    if trainer.at.validated_at < trainer.at.step:
        validate()
    return "steps" if schedule.steps and trainer.at.step >= schedule.steps else "time"
