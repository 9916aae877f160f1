"""When a training run looks, slows down and ends; and where it stands."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace


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
        judge_every: steps between two looks at the held-out excerpts.
        patience: looks without improvement after which the run stops.
    """

    steps: int | None = None
    seconds: float | None = None
    learning_rate: float = 1e-3
    warm_up: int = 20
    decay: bool = True
    clip: float = 1.0
    judge_every: int = 50
    patience: int = 20

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


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: optimisation steps done.
        seconds: time used, of all runs together when resumed.
        loss: on what is learned, smoothed over about 20 steps; NaN before the first step.
        judged: the last loss on the held-out excerpts.
        judged_mixture, judged_sources: the parts of it, of mixtures and of stems; NaN where there are none.
        start, start_mixture, start_sources: the same before the first step.
        best: the least of those that were judged.
        best_mixture, best_sources: the parts of it.
        best_step: the step that reached it.
        stale: looks since then.
        share_done: of the bound on steps or time, 0 to 1.
        seconds_left: until that bound at the present pace; None where it cannot be known.
    """

    step: int = 0
    seconds: float = 0.0
    loss: float = math.nan
    judged: float = math.nan
    judged_mixture: float = math.nan
    judged_sources: float = math.nan
    start: float = math.nan
    start_mixture: float = math.nan
    start_sources: float = math.nan
    best: float = math.inf
    best_mixture: float = math.nan
    best_sources: float = math.nan
    best_step: int = 0
    stale: int = 0
    share_done: float = 0.0
    seconds_left: float | None = None

    def after_look(self, judged: float, means: Mapping[str, float]) -> "Progress":
        """After a look at the held-out excerpts: ``stale`` is 0 where it was the best so far.

        Args:
            judged: the loss that decides.
            means: its parts, ``mixture`` and ``sources``; what was not judged lacks.
        """
        mixture, sources = (means.get(kind, math.nan) for kind in ("mixture", "sources"))
        looked = replace(
            self, judged=judged, judged_mixture=mixture, judged_sources=sources, stale=self.stale + 1
        )
        if math.isnan(self.start):
            looked = replace(looked, start=judged, start_mixture=mixture, start_sources=sources)
        if judged < self.best:
            looked = replace(
                looked, best=judged, best_mixture=mixture, best_sources=sources, best_step=self.step, stale=0
            )
        return looked

    def forgotten(self) -> "Progress":
        """The same step, as if nothing had been judged yet."""
        fresh = Progress(step=self.step, seconds=self.seconds, loss=self.loss, best_step=self.best_step)
        return replace(fresh, share_done=self.share_done, seconds_left=self.seconds_left)
