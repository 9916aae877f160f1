"""How the networks of the pitch stage learn: Adam, over batches made while the one before is learned."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import torch
from torch import Tensor, nn

from vocsep.precision import fast_convolutions

Network = TypeVar("Network", bound=nn.Module)

WARM_UP = 100  # steps
LEAST_RATE = 0.01  # of the learning rate, at the end of the cosine
CHECKPOINT = 500  # steps


@dataclass(frozen=True)
class TrainingProgress:
    """Where a training stands: share done (0 to 1), step, running loss."""

    share: float
    step: int
    loss: float


def learn(
    network: Network,
    prepare: Callable[[], tuple[Tensor, ...]],
    loss_of: Callable[..., Tensor],
    *,
    seconds: float,
    learning_rate: float,
    steps: int | None = None,
    gather: int = 1,
    progress: Callable[[TrainingProgress], None] | None = None,
    checkpoint: Callable[[Network, int], None] | None = None,
) -> int:
    """Train for ``seconds`` seconds (or ``steps`` steps) with Adam and a cosine decay of the learning rate.

    Args:
        network: ends in evaluation mode.
        prepare: makes a batch, in a thread beside: the network's input, then what the loss needs.
        loss_of: of the network's output and the rest of the batch.
        seconds: of training. steps: instead of these.
        learning_rate: at the start.
        gather: batches whose gradients are added up in a step.
        progress: told after every step.
        checkpoint: given the network every `CHECKPOINT` steps.

    Returns:
        the number of steps done.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    network.train()
    begun, step, running, share = monotonic(), 0, float("nan"), 0.0
    helper = ThreadPoolExecutor(1)
    pending = helper.submit(prepare)
    while share < 1.0:
        warm = min(1.0, (step + 1) / WARM_UP)
        cosine = LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * share))
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * warm * cosine
        optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for _ in range(gather):
            given, *rest = pending.result()
            pending = helper.submit(prepare)
            with fast_convolutions():
                output = network(given.contiguous(memory_format=torch.channels_last))
            loss = loss_of(output.float(), *rest) / gather
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        running = total if step == 0 else 0.98 * running + 0.02 * total
        step += 1
        share = step / steps if steps is not None else (monotonic() - begun) / seconds
        if progress is not None:
            progress(TrainingProgress(min(share, 1.0), step, running))
        if checkpoint is not None and step % CHECKPOINT == 0:
            checkpoint(network, step)
    helper.shutdown(wait=True, cancel_futures=True)
    network.eval()
    return step
