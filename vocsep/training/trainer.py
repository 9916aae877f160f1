"""A network in training: its optimiser, where it stands, and the best weights so far.

All that a run needs in order to go on later is given by `Trainer.tensors` and `Trainer.state`. Nothing here
depends on which network it is (`vocsep.training.task`), on files, or on any state outside of the trainer.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Generic

import torch
from torch import Tensor, nn

from vocsep.errors import ModelError, SettingsError
from vocsep.memory import worked_in_pieces
from vocsep.training.examples import SomeBatch
from vocsep.training.optimiser_state import below, moments, restore_moments
from vocsep.training.processes import ALONE, Processes
from vocsep.training.schedule import Progress
from vocsep.training.task import Task

VALIDATION_SEED = 20220109  # of held-out examples: always the same, so that losses can be compared
DIVERGED = 20  # steps in a row whose gradients are not finite before we give up
OUT_OF_MEMORY = "device: out of memory; try smaller batches, shorter excerpts or --device cpu"


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """What draws from the global generators of torch (dropout) depends on the seed alone, and leaves them as
    they were."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def parts_of(batch: SomeBatch, parts: int) -> list[tuple[SomeBatch, float]]:
    """So many parts of a batch with their weights (`SomeBatch.share`); none where it has fewer examples."""
    try:
        return [batch.share(part, parts) for part in range(parts)]
    except SettingsError:
        return []


def _added(gathered: Sequence[Any]) -> dict[str, tuple[float, int]]:
    """Totals and counts of all processes, by name."""
    names = {name for totals, _ in gathered for name in totals}
    return {
        name: (
            sum(totals.get(name, 0.0) for totals, _ in gathered),
            sum(counts.get(name, 0) for _, counts in gathered),
        )
        for name in names
    }


class Trainer(Generic[SomeBatch]):
    """A network, its optimiser, and the best weights so far.

    Args:
        task: the network and its loss.
        seed: decides what is random in the loss of each step.
        device: where to compute.
        processes: that train together, each on its device; by default this one alone.
    """

    def __init__(
        self,
        task: Task[SomeBatch],
        *,
        seed: int = 0,
        device: torch.device | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self.task, self.seed, self.processes = task, seed, processes
        self.device = device or processes.device
        self.network = task.network.to(self.device)
        self.optimiser = torch.optim.Adam(self.network.parameters())
        if companion := task.companion():
            _, module, settings = companion
            group = {"params": list(module.to(self.device).parameters()), **settings}
            self.optimiser.add_param_group(group)
        self._loss = processes.learner(task)
        self.at = Progress()
        self.best_weights = self._weights()
        self._not_finite, self._parts = 0, 1
        kept = set(self.best_weights)  # tables that are not stored never change
        self._buffers = [buffer for name, buffer in self.network.named_buffers() if name in kept]

    def _weights(self) -> dict[str, Tensor]:
        return {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}

    def _named(self) -> list[tuple[str, nn.Parameter]]:
        """Everything that is learned."""
        named = list(self.network.named_parameters())
        if companion := self.task.companion():
            named += companion[1].named_parameters(companion[0])
        return named

    def step(self, batch: SomeBatch, learning_rate: float, clip: float) -> None:
        """One step of Adam. A batch whose gradients are not finite is passed over; one that is too large for
        the device's memory goes through it in parts, and those after it, too.

        Raises:
            SettingsError: `DIVERGED` batches in a row were; or memory is too small for a part of one.
        """
        self.network.train()
        self.optimiser.param_groups[0]["lr"] = learning_rate  # a companion keeps its own
        seed = self.seed + self.at.step + 1
        before = [buffer.clone() for buffer in self._buffers]  # means of batches, which networks gather
        own, weight = batch.share(self.processes.rank, self.processes.size)
        while (loss := self._gradients(own, weight, seed)) is None:
            self._put_back(before)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), clip)
        value = self.processes.total([loss])[0] / self.processes.size
        if not (math.isfinite(value) and bool(torch.isfinite(norm))):
            self._not_finite += 1
            if self._not_finite >= DIVERGED:
                raise SettingsError(
                    f"learning_rate {learning_rate:g}: training diverged at step {self.at.step}"
                )
            self._put_back(before)
            self.at = replace(self.at, step=self.at.step + 1)
            return
        self._not_finite = 0
        self.optimiser.step()
        smoothed = value if math.isnan(self.at.loss) else 0.95 * self.at.loss + 0.05 * value
        self.at = replace(self.at, step=self.at.step + 1, loss=smoothed)

    def _gradients(self, batch: SomeBatch, weight: float, seed: int) -> float | None:
        """Loss of a batch, times ``weight``; its gradients are in the parameters. None if memory ran out:
        from then on a batch is halved once more."""
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        try:
            for part in range(self._parts):
                some, share = batch.share(part, self._parts)
                with seeded(seed, self.device):
                    loss = weight * share / self._parts * self._loss(some.to(self.device), seed)
                loss.backward()  # type: ignore[no-untyped-call]
                total += float(loss.detach())
        except torch.OutOfMemoryError:
            # Others wait already for the gradients of a process that comes too late.
            if self.processes.size > 1 or not parts_of(batch, 2 * self._parts):
                raise SettingsError(OUT_OF_MEMORY) from None
            self._parts *= 2
            return None
        return total

    def _put_back(self, before: Sequence[Tensor]) -> None:
        for buffer, value in zip(self._buffers, before, strict=True):
            buffer.copy_(value)

    def _validation_losses(self, batch: SomeBatch) -> dict[str, float]:
        """Losses of a held-out batch, or sums over its parts where memory is short."""
        sums: dict[str, float] = {}

        def losses(piece: tuple[SomeBatch, float]) -> dict[str, float]:
            found = self.task.validation_losses(piece[0].to(self.device), VALIDATION_SEED)
            return {name: piece[1] * float(loss) for name, loss in found.items()}

        def parts(piece: tuple[SomeBatch, float]) -> list[tuple[SomeBatch, float]]:
            return [(half, piece[1] * share / 2) for half, share in parts_of(piece[0], 2)]

        for some in worked_in_pieces([(batch, 1.0)], losses, parts):
            for name, loss in some.items():
                sums[name] = sums.get(name, 0.0) + loss
        return sums

    def validate(self, held_out: Sequence[SomeBatch]) -> float:
        """Loss of the held-out examples; remembers the weights if they are the best so far.

        Of each kind of loss the mean over the examples that have it; the task says which decides.
        """
        self.network.eval()
        totals: dict[str, float] = {}
        counts: dict[str, int] = {}
        with torch.no_grad():
            for batch in held_out[self.processes.rank :: self.processes.size]:
                for name, loss in self._validation_losses(batch).items():
                    totals[name] = totals.get(name, 0.0) + loss * len(batch)
                    counts[name] = counts.get(name, 0) + len(batch)
        for name, (total, count) in _added(self.processes.gathered([totals, counts])).items():
            totals[name], counts[name] = total, count
        means = {name: totals[name] / counts[name] for name in sorted(totals)}
        self.at = self.at.after_validation(self.task.deciding(means), means)
        if self.at.stale == 0:
            self.best_weights = self._weights()
        return self.at.validated

    def tensors(self) -> dict[str, Tensor]:
        """All that is needed to go on later, as named tensors: weights, companion, moments of Adam."""
        stored = {f"weights/{name}": tensor for name, tensor in self._weights().items()}
        stored |= {f"best/{name}": tensor for name, tensor in self.best_weights.items()}
        if companion := self.task.companion():
            prefix, module, _ = companion
            stored |= {f"{prefix}/{name}": tensor.cpu() for name, tensor in module.state_dict().items()}
        return stored | moments(self.optimiser, self._named())

    def state(self) -> dict[str, Any]:
        """The numbers that go with `tensors`."""
        return self.at.to_dict() | ({"not_finite": self._not_finite} if self._not_finite else {})

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Go on from what `tensors` and `state` gave.

        Raises:
            ModelError: they do not fit this network.
        """
        numbers = dict(state)
        try:
            self.network.load_state_dict(below("weights", tensors))
            self.best_weights = below("best", tensors)
            if companion := self.task.companion():
                prefix, module, _ = companion
                if stored := below(prefix, tensors):
                    module.load_state_dict(stored)
            restore_moments(self.optimiser, self._named(), tensors)
            self._not_finite = numbers.pop("not_finite", 0)
            self.at = Progress.from_dict(numbers)
        except (RuntimeError, TypeError) as error:
            raise ModelError(
                "the checkpoint does not fit this vocsep; start again without --resume"
            ) from error

    def forget_best(self) -> None:
        """Validate anew, because the held-out examples have changed."""
        self.at = self.at.forgotten()

    def use_best(self) -> None:
        """Put the best weights into the network."""
        self.network.load_state_dict(self.best_weights)
        self.network.eval()
