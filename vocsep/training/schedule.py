"""When a training run validates, slows down and ends; and where it stands."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Schedule:
    """How a run is stepped and when it ends.

    Attributes:
        steps: optimisation steps at most; None = no bound.
        seconds: time at most, of all runs together when resumed; None = no bound.
        learning_rate: of Adam, at the start.
        warm_up: steps over which the rate rises to its start: Adam's first moments are guesses, and full
            steps by them would undo what a good start knows.
        decay: let the rate fall to zero as a half cosine while the bound comes near (needs a bound).
        clip: largest norm of the gradient. Without it early steps reach norms of 1e4.
        validate_every: steps between two validations on the held-out examples.
        patience: validations without improvement after which the run stops; None = it never stops early.
    """

    steps: int | None = None
    seconds: float | None = None
    learning_rate: float = 1e-3
    warm_up: int = 20
    decay: bool = True
    clip: float = 1.0
    validate_every: int = 50
    patience: int | None = 20

    def share_done(self, step: int, seconds: float) -> float:
        """How much of the bound is used up, 0 to 1; 0 where there is no bound."""
        by_steps = step / self.steps if self.steps else 0.0
        by_time = seconds / self.seconds if self.seconds else 0.0
        return min(1.0, max(by_steps, by_time))

    def rate(self, step: int, seconds: float) -> float:
        """Learning rate of the next step.

        >>> round(Schedule(steps=100, learning_rate=1.0).rate(50, 0.0), 3)
        0.5
        """
        rate = self.learning_rate * min(1.0, (step + 1) / (self.warm_up + 1))
        if not self.decay:
            return rate
        return rate * 0.5 * (1.0 + math.cos(math.pi * self.share_done(step, seconds)))

    def exhausted(self, stale: int) -> bool:
        """Whether so many validations without improvement end the run."""
        return self.patience is not None and stale >= self.patience


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: optimisation steps done.
        seconds: time used, of all runs together when resumed.
        loss: on what is learned, smoothed over about 20 steps; NaN before the first step.
        validated: the last loss on the held-out examples.
        validated_at: the step of that validation; -1 before the first.
        validated_parts: what it is made of, by name (`vocsep.training.task.Task.validation_losses`).
        start, start_parts: the same before the first step.
        best, best_parts: the least that was validated, and the parts of it.
        best_step: the step that reached it.
        stale: validations since then.
        share_done: of the bound on steps or time, 0 to 1.
        seconds_left: until that bound at the present pace; None where it cannot be known.
    """

    step: int = 0
    seconds: float = 0.0
    loss: float = math.nan
    validated: float = math.nan
    validated_at: int = -1
    validated_parts: Mapping[str, float] = field(default_factory=dict)
    start: float = math.nan
    start_parts: Mapping[str, float] = field(default_factory=dict)
    best: float = math.inf
    best_parts: Mapping[str, float] = field(default_factory=dict)
    best_step: int = 0
    stale: int = 0
    share_done: float = 0.0
    seconds_left: float | None = None

    def after_validation(self, loss: float, parts: Mapping[str, float]) -> "Progress":
        """After a validation: ``stale`` is 0 where it was the best so far.

        Args:
            loss: that decides.
            parts: of it, by name.
        """
        known = replace(self, validated=loss, validated_parts=dict(parts), validated_at=self.step)
        known = replace(known, stale=self.stale + 1)
        if math.isnan(self.start):
            known = replace(known, start=loss, start_parts=dict(parts))
        if loss < self.best:
            known = replace(known, best=loss, best_parts=dict(parts), best_step=self.step, stale=0)
        return known

    def forgotten(self) -> "Progress":
        """The same step, as if nothing had been validated yet."""
        fresh = Progress(step=self.step, seconds=self.seconds, loss=self.loss, best_step=self.best_step)
        return replace(fresh, share_done=self.share_done, seconds_left=self.seconds_left)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it; numbers that are not finite (nothing validated yet) are left out."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value is not None and (isinstance(value, dict) or math.isfinite(value))
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Progress":
        """Inverse of `to_dict`; reads what earlier versions wrote, too (``judged`` for ``validated``).

        Raises:
            TypeError: a name that is unknown.

        >>> Progress.from_dict({"step": 3, "judged": 2.0, "judged_mixture": 2.0}).validated_parts
        {'mixture': 2.0}
        """
        read: dict[str, Any] = {}
        for name, value in values.items():
            called = name.replace("judged", "validated")
            stage, _, part = called.rpartition("_")
            if part in ("mixture", "sources"):
                read.setdefault(f"{stage}_parts", {})[part] = value
            else:
                read[called] = value
        if "best" in read:
            read.setdefault("validated_at", read.get("step", 0))
        return cls(**read)
