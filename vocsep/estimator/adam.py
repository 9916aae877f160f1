"""Adam: steps along averaged gradients, each number with a scale of its own.

    m <- b1 m + (1 - b1) g,        v <- b2 v + (1 - b2) g^2
    x <- x - rate m / (1 - b1^n) / (sqrt(v / (1 - b2^n)) + 1e-8)

in step n, with gradient g (D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015,
algorithm 1). It computes what `torch.optim.Adam` computes, bit for bit, in the same order. That one imports
torch's compiler when it is built, which takes longer than most adaptations.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vocsep.memory import still_wanted

EPSILON = 1e-8  # added to the root, so that a gradient that was always zero moves nothing


def held_then_falling(held: float, last: float) -> Callable[[float], float]:
    """A factor of rates by the share of steps done: 1, then along half a cosine down to ``last``.

    At a constant rate the numbers end by dancing around their best places; a rate that falls may begin high
    and lets them arrive (I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts",
    ICLR 2017, without the restarts).

    Args:
        held: share of the steps before it falls, from 0 to below 1.
        last: where it ends.
    """

    def factor(share: float) -> float:
        fallen = max(share - held, 0.0) / (1 - held)
        return last + (1 - last) * (1 + math.cos(math.pi * fallen)) / 2

    return factor


@dataclass(frozen=True)
class ParameterGroup:
    """Tensors that are learned at one rate.

    Attributes:
        tensors: leaves that require gradients.
        rate: length of a step, in units of the tensors.
        betas: b1 and b2, the memories of the averages of g and g^2, from 0 to below 1.
    """

    tensors: Sequence[Tensor]
    rate: float
    betas: tuple[float, float] = (0.9, 0.999)


class Adam:
    """Optimises groups of tensors, in place.

    Args:
        groups: what is learned.
    """

    def __init__(self, groups: Sequence[ParameterGroup]) -> None:
        self._groups = groups
        self._averages: dict[Tensor, tuple[Tensor, Tensor]] = {}
        self._steps: dict[Tensor, int] = {}

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        """One step along the gradients that the tensors have; those without one stay where they are.

        Args:
            factor: of the rates of all groups.
        """
        for group in self._groups:
            for tensor in group.tensors:
                if tensor.grad is not None:
                    self._move(tensor, tensor.grad, factor * group.rate, group.betas)

    def clear(self) -> None:
        """Forget the gradients."""
        for group in self._groups:
            for tensor in group.tensors:
                tensor.grad = None

    def _move(self, tensor: Tensor, gradient: Tensor, rate: float, betas: tuple[float, float]) -> None:
        if tensor not in self._averages:
            self._averages[tensor] = torch.zeros_like(tensor), torch.zeros_like(tensor)
        mean, square = self._averages[tensor]
        self._steps[tensor] = count = self._steps.get(tensor, 0) + 1
        b1, b2 = betas
        mean.lerp_(gradient, 1 - b1)
        square.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
        # Both corrections are applied to numbers, so that a step passes over the tensors as seldom as it can.
        scale = (square.sqrt() / (1 - b2**count) ** 0.5).add_(EPSILON)
        tensor.addcdiv_(mean, scale, value=-rate / (1 - b1**count))


def minimise(
    loss: Callable[[int], Tensor],
    groups: Sequence[ParameterGroup],
    steps: int,
    progress: Callable[[float], None] | None = None,
    factor: Callable[[float], float] = lambda share: 1.0,
) -> None:
    """Take Adam's steps down a loss; the tensors are changed in place.

    Args:
        loss: the value to lower, a scalar; called with the number of the step, from 0.
        groups: what is learned.
        steps: how many.
        progress: told the share done, 0 to 1.
        factor: of all rates, given the share done.
    """
    adam = Adam(groups)
    for step in range(steps):
        still_wanted()
        value = loss(step)
        adam.clear()
        value.backward()  # type: ignore[no-untyped-call]
        adam.step(factor(step / steps))
        if progress is not None:
            progress((step + 1) / steps)
