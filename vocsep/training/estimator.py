"""How the estimator learns: from mixtures, and from the stems that are at hand.

What is minimised: `vocsep.training.objectives`. In a batch all excerpts offer the same (a mixture, stems of
the same voices), batches that offer different things alternate, and each step learns what its batch offers,
after C. Doire and O. Okubadejo, "Interleaved multitask learning for audio source separation with independent
databases" (2019).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vocsep.estimator.long_spectra import COMPARED, LongSpectra
from vocsep.source.excitation import harmonic_excitation
from vocsep.training.excerpts import Excerpts, Supervision
from vocsep.training.objectives import Objective, Target, learning_names, targets_of, training_losses
from vocsep.training.rooms import ROOM_BETAS, ROOM_RATE, Rooms
from vocsep.training.task import Task


class EstimatorTask(Task[Excerpts]):
    """An estimator that explains mixtures.

    Args:
        estimator: ``estimator(mixture, f0, excitation=h)`` gives `SourceParameters`; for ``power`` it is also
            given ``spectra``, the `LongSpectra` of both, and ``stride``, the frames between those that are
            wanted. It is trained in place.
        objective: ``sound`` or ``power``, how sounds are compared.
        supervision: what they are compared with, where stems are at hand.
        recordings: voices have tails in each of so many recordings, which are learned along; None = no tails.
    """

    def __init__(
        self,
        estimator: nn.Module,
        *,
        objective: Objective = "sound",
        supervision: Supervision = "partly",
        recordings: int | None = None,
    ) -> None:
        self.network, self.objective, self.supervision = estimator, objective, supervision
        self.rooms = None if recordings is None else Rooms(recordings)

    def companion(self) -> tuple[str, nn.Module, Mapping[str, object]] | None:
        """The rooms of the recordings."""
        return None if self.rooms is None else ("rooms", self.rooms, {"lr": ROOM_RATE, "betas": ROOM_BETAS})

    def losses(
        self,
        excerpts: Excerpts,
        seed: int,
        targets: Sequence[Target],
        names: Sequence[str | None] | None = None,
    ) -> dict[Target, Tensor]:
        """Loss of a batch for each of the targets, scalars with gradient.

        Args:
            excerpts: the batch.
            seed: of synthesised noise.
            targets: see `vocsep.training.objectives.training_losses`.
            names: of the voices; None where none of them has any.
        """
        # What has no gradient is computed once, for features and loss.
        excitation = harmonic_excitation(excerpts.f0, excerpts.mixture.shape[-1])
        more: dict[str, Any] = {} if names is None else {"names": names}
        if self.objective == "power":
            # Parameters of frames that are not compared are not asked for.
            more |= {"spectra": LongSpectra.of(excerpts.mixture, excitation, COMPARED), "stride": COMPARED}
        parameters = self.network(excerpts.mixture, excerpts.f0, excitation=excitation, **more)
        rooms, spectra = self.rooms, more.get("spectra")
        return training_losses(
            self.objective, targets, parameters, excitation, excerpts, seed, rooms, spectra
        )

    def loss(self, batch: Excerpts, seed: int) -> Tensor:
        """Loss of a step: of all that the batch offers."""
        by_names: dict[tuple[str | None, ...] | None, list[Target]] = {}
        for target in targets_of(batch, self.supervision):
            by_names.setdefault(learning_names(batch, target), []).append(target)
        losses: list[Tensor] = []
        for names, targets in by_names.items():
            losses += self.losses(batch, seed, targets, names).values()
        return torch.stack(losses).sum()

    def validation_losses(self, batch: Excerpts, seed: int) -> Mapping[str, Tensor]:
        """Losses of ``mixture`` and of ``sources``, as far as the batch has them."""
        targets = targets_of(batch, "none" if self.supervision == "none" else "partly")
        return {str(kind): loss for kind, loss in self.losses(batch, seed, targets, batch.names).items()}

    def deciding(self, means: Mapping[str, float]) -> float:
        """With full supervision the loss of the sources, else the mean of both: neither kind is forgotten
        because it has few excerpts."""
        return means["sources"] if self.supervision == "full" else super().deciding(means)
