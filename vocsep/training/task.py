"""What one training is: a network, and how its answers to a batch are scored.

`vocsep.training.trainer` and `vocsep.training.loop` know no more of a network than this.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Generic

import torch
from torch import Tensor, nn

from vocsep.precision import fast_convolutions
from vocsep.training.examples import Examples, SomeBatch


class Task(ABC, Generic[SomeBatch]):
    """A network and its loss.

    A batch is on the network's device when it comes here. Losses are means over a batch, so that gradients of
    several batches, or of several processes, may be averaged.

    Attributes:
        network: trained in place; its weights are the model.
    """

    network: nn.Module

    @abstractmethod
    def loss(self, batch: SomeBatch, seed: int) -> Tensor:
        """What a step minimises, a scalar with gradient; ``seed`` decides all that is random in it."""

    def validation_losses(self, batch: SomeBatch, seed: int) -> Mapping[str, Tensor]:
        """Losses of held-out examples, by name; a batch may lack some of them."""
        return {"loss": self.loss(batch, seed)}

    def deciding(self, means: Mapping[str, float]) -> float:
        """The loss that decides which weights are best, from the means of `validation_losses`."""
        return sum(means.values()) / len(means)

    def companion(self) -> tuple[str, nn.Module, Mapping[str, object]] | None:
        """What is learned along and is no part of the model: its name in checkpoints, the module, and the
        settings of its parameters in Adam."""
        return None


class NetworkTask(Task[Examples]):
    """A convolutional network that answers the first tensor of each group of examples.

    Args:
        network: trained in place.
        loss_of: of the network's answer in float32 and the other tensors of the group, a mean.
    """

    def __init__(self, network: nn.Module, loss_of: Callable[..., Tensor]) -> None:
        self.network, self.loss_of = network, loss_of

    def loss(self, batch: Examples, seed: int) -> Tensor:
        """Mean over the groups; nothing in it is random."""
        losses = []
        for given, *rest in batch.groups:
            with fast_convolutions(given.device):
                answer = self.network(given.contiguous(memory_format=torch.channels_last))
            losses.append(self.loss_of(answer.float(), *rest))
        return torch.stack(losses).mean()
