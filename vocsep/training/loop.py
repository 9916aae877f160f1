"""The training loop: learn to explain mixtures, judge on held-out ones, keep the best.

What is minimised: `vocsep.training.objectives`. In a batch all excerpts offer the same (a mixture, stems of
the same voices), batches that offer different things alternate, and each step learns what its batch offers,
after C. Doire and O. Okubadejo, "Interleaved multitask learning for audio source separation with independent
databases" (2019).

The loop knows nothing of files and folders: `vocsep.fit.fit` feeds it a user's recordings, and the shipped
model was trained by the same loop on synthetic singing.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor, nn

from vocsep.errors import ModelError, SettingsError
from vocsep.source.excitation import harmonic_excitation
from vocsep.training.excerpts import Excerpts, Supervision
from vocsep.training.moments import below, moments, restore_moments
from vocsep.training.objectives import Objective, Target, learning_names, targets_of, training_losses
from vocsep.training.rooms import ROOM_BETAS, ROOM_RATE, Rooms
from vocsep.training.schedule import Progress, Schedule

__all__ = ["Objective", "Progress", "Schedule", "Trainer", "train_steps"]

JUDGING_SEED = 20220109  # noise of the held-out excerpts: always the same, so that losses can be compared
DIVERGED = 20  # steps in a row whose gradients are not finite before we give up


class Trainer:
    """An estimator, its optimiser, and the best weights so far.

    Args:
        estimator: ``estimator(mixture, f0, excitation=h)`` gives `SourceParameters`; it is trained in place.
        objective: ``sound`` or ``power``, how sounds are compared.
        supervision: what they are compared with, where stems are at hand.
        seed: decides the noise of each step.
        device: where to compute.
    """

    def __init__(
        self,
        estimator: nn.Module,
        *,
        objective: Objective = "sound",
        supervision: Supervision = "partly",
        seed: int = 0,
        device: torch.device | None = None,
    ) -> None:
        self.objective, self.supervision = objective, supervision
        self.device = device or torch.device("cpu")
        self.estimator = estimator.to(self.device)
        self.optimiser = torch.optim.Adam(self.estimator.parameters())
        self.rooms: Rooms | None = None
        self.seed = seed
        self.at = Progress()
        self.best_weights = self._weights()
        self._not_finite = 0

    def _weights(self) -> dict[str, Tensor]:
        return {name: tensor.detach().cpu().clone() for name, tensor in self.estimator.state_dict().items()}

    def learn_rooms(self, recordings: int) -> None:
        """From now on voices have tails in each of so many recordings, which are learned along."""
        self.rooms = Rooms(recordings).to(self.device)
        group = {"params": list(self.rooms.parameters()), "lr": ROOM_RATE, "betas": ROOM_BETAS}
        self.optimiser.add_param_group(group)

    def _named(self) -> list[tuple[str, nn.Parameter]]:
        """Everything that is learned."""
        rooms = [] if self.rooms is None else self.rooms.named_parameters("rooms")
        return [*self.estimator.named_parameters(), *rooms]

    def loss(self, excerpts: Excerpts, noise_seed: int, target: Target = "mixture") -> Tensor:
        """Loss of a batch, a scalar with gradient (see `vocsep.training.objectives`)."""
        return self._losses(excerpts, noise_seed, (target,), excerpts.names)[target]

    def _losses(
        self,
        excerpts: Excerpts,
        noise_seed: int,
        targets: Sequence[Target],
        names: Sequence[str | None] | None,
    ) -> dict[Target, Tensor]:
        excerpts = excerpts.to(self.device)
        with torch.no_grad():  # F0 is given, so the excitation is computed once for features and synthesis
            excitation = harmonic_excitation(excerpts.f0, excerpts.mixture.shape[-1])
        more = {} if names is None else {"names": names}
        parameters = self.estimator(excerpts.mixture, excerpts.f0, excitation=excitation, **more)
        return training_losses(
            self.objective, targets, parameters, excitation, excerpts, noise_seed, self.rooms
        )

    def _learned(self, excerpts: Excerpts, noise_seed: int) -> Tensor:
        """Loss of a step: of all that the batch offers."""
        by_names: dict[tuple[str | None, ...] | None, list[Target]] = {}
        for target in targets_of(excerpts, self.supervision):
            by_names.setdefault(learning_names(excerpts, target), []).append(target)
        losses: list[Tensor] = []
        for names, targets in by_names.items():
            losses += self._losses(excerpts, noise_seed, targets, names).values()
        return torch.stack(losses).sum()

    def step(self, excerpts: Excerpts, learning_rate: float, clip: float) -> None:
        """One step of Adam. A batch whose gradients are not finite is passed over.

        Raises:
            SettingsError: `DIVERGED` batches in a row were.
        """
        self.estimator.train()
        self.optimiser.param_groups[0]["lr"] = learning_rate  # rooms keep their own
        self.optimiser.zero_grad(set_to_none=True)
        loss = self._learned(excerpts, noise_seed=self.seed + self.at.step + 1)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.estimator.parameters(), clip)
        value = float(loss.detach())
        if not (math.isfinite(value) and bool(torch.isfinite(norm))):
            self._not_finite += 1
            if self._not_finite >= DIVERGED:
                raise SettingsError(
                    f"learning_rate {learning_rate:g}: training diverged at step {self.at.step}"
                )
            self.at = replace(self.at, step=self.at.step + 1)
            return
        self._not_finite = 0
        self.optimiser.step()
        smoothed = value if math.isnan(self.at.loss) else 0.95 * self.at.loss + 0.05 * value
        self.at = replace(self.at, step=self.at.step + 1, loss=smoothed)

    def judge(self, held_out: Sequence[Excerpts]) -> float:
        """Loss of the held-out excerpts; remembers the weights if they are the best so far.

        Of each kind of loss the mean over the excerpts that have it. With full supervision that of the
        sources decides, else the mean of both: neither kind is forgotten because it has few excerpts.
        """
        self.estimator.eval()
        totals: dict[Target, float] = {"mixture": 0.0, "sources": 0.0}
        counts = dict.fromkeys(totals, 0)
        with torch.no_grad():
            for excerpts in held_out:
                targets = targets_of(excerpts, "none" if self.supervision == "none" else "partly")
                for target, loss in self._losses(excerpts, JUDGING_SEED, targets, excerpts.names).items():
                    totals[target] += float(loss) * len(excerpts.mixture)
                    counts[target] += len(excerpts.mixture)
        means: dict[str, float] = {kind: totals[kind] / count for kind, count in counts.items() if count}
        deciding = [means["sources"]] if self.supervision == "full" else list(means.values())
        self.at = self.at.after_look(sum(deciding) / len(deciding), means)
        if self.at.stale == 0:
            self.best_weights = self._weights()
        return self.at.judged

    def tensors(self) -> dict[str, Tensor]:
        """All that is needed to go on later, as named tensors: weights, rooms, moments of Adam."""
        stored = {f"weights/{name}": tensor for name, tensor in self._weights().items()}
        stored |= {f"best/{name}": tensor for name, tensor in self.best_weights.items()}
        if self.rooms is not None:
            stored |= {f"rooms/{name}": tensor.cpu() for name, tensor in self.rooms.state_dict().items()}
        return stored | moments(self.optimiser, self._named())

    def state(self) -> dict[str, Any]:
        """The numbers that go with `tensors`; what is not finite (nothing judged yet) is left out."""
        return {k: v for k, v in asdict(self.at).items() if v is not None and math.isfinite(v)}

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Go on from what `tensors` and `state` gave.

        Raises:
            ModelError: they do not fit this estimator.
        """
        try:
            self.estimator.load_state_dict(below("weights", tensors))
            self.best_weights = below("best", tensors)
            if self.rooms is not None and (rooms := below("rooms", tensors)):
                self.rooms.load_state_dict(rooms)
            restore_moments(self.optimiser, self._named(), tensors)
            self.at = Progress(**state)
        except (RuntimeError, TypeError) as error:
            raise ModelError(
                "the checkpoint does not fit this vocsep; start again without --resume"
            ) from error

    def forget_best(self) -> None:
        """Judge anew, because the held-out excerpts have changed."""
        self.at = self.at.forgotten()

    def use_best(self) -> None:
        """Put the best weights into the estimator."""
        self.estimator.load_state_dict(self.best_weights)
        self.estimator.eval()


def train_steps(
    trainer: Trainer,
    batches: Iterator[Excerpts],
    held_out: Sequence[Excerpts],
    schedule: Schedule,
    *,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Callable[[], None] | None = None,
) -> str:
    """Train until a bound is reached or nothing improves any more; the trainer then knows the best weights.

    Args:
        trainer: fresh, or restored.
        batches: without end.
        held_out: never learned from; at least one batch.
        schedule: bounds and rates.
        progress: called after each step and after each look at the held-out excerpts.
        checkpoint: called after each look; `KeyboardInterrupt` passes through without it.

    Returns:
        Why it ended: ``"steps"``, ``"time"`` or ``"no improvement"``.
    """
    began = time.monotonic() - trainer.at.seconds

    def tell() -> None:
        seconds = time.monotonic() - began
        done = schedule.share_done(trainer.at.step, seconds)
        left = seconds * (1.0 - done) / done if done > 0 else None
        trainer.at = replace(trainer.at, seconds=seconds, share_done=done, seconds_left=left)
        if progress is not None:
            progress(trainer.at)

    def look() -> None:
        trainer.judge(held_out)
        tell()
        if checkpoint is not None:
            checkpoint()

    if math.isinf(trainer.at.best):
        look()
    while (
        trainer.at.stale < schedule.patience
        and schedule.share_done(trainer.at.step, trainer.at.seconds) < 1.0
    ):
        rate = schedule.rate(trainer.at.step, trainer.at.seconds)
        trainer.step(next(batches), rate, schedule.clip)
        tell()
        if trainer.at.step % schedule.judge_every == 0:
            look()
    if trainer.at.stale >= schedule.patience:
        return "no improvement"
    if trainer.at.step % schedule.judge_every:
        look()
    return "steps" if schedule.steps and trainer.at.step >= schedule.steps else "time"
