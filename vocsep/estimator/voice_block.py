"""A hidden layer of the `comb` preset: voices are convolved in time and hear of each other. Ours.

    y_j = x_j + project(h_j),    h_j = act(convolve(x_j) + exchange(mean over voices i of x_i))

With frames first and voices after them, a tap of a dilated convolution is the product of a stretch of rows
and a matrix, for all voices of a recording at once; its gradients are products of the same rows and matrices.
On a processor that costs a fifth less than torch's convolutions in one dimension, with what belongs to one
recording in the cache.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import leaky_relu

KERNEL = 3  # frames under a dilated convolution
FIRST_RESIDUAL = 0.3  # initial scale of what a block adds
LEAK = 0.1  # slope of the activation below zero


class VoiceBlock(nn.Module):
    """x + project(act(convolve(x) + exchange(mean of x over voices)))."""

    def __init__(self, units: int, dilation: int) -> None:
        """Channels and distance between the taps, in frames."""
        super().__init__()
        self.dilation = dilation
        self.convolve = nn.Conv1d(units, units, KERNEL, padding=dilation, dilation=dilation)
        self.exchange = nn.Conv1d(units, units, 1, bias=False)
        self.project = nn.Conv1d(units, units, 1)
        with torch.no_grad():
            self.project.weight *= FIRST_RESIDUAL

    def forward(self, x: Tensor, mean: Tensor | None = None) -> Tensor:
        """Some voices and the mean of x over all -> the shape of x.

        Args:
            x: ``(batch, frames, some, units)``.
            mean: ``(batch, frames, units)``; None where x has all voices.
        """
        if x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return self.convolved(x, mean)
        found: Tensor = _Products.apply(  # type: ignore[no-untyped-call]
            x,
            mean,
            self.convolve.weight.permute(2, 0, 1),
            self.convolve.bias,
            self.exchange.weight.squeeze(-1),
            self.project.weight.squeeze(-1),
            self.project.bias,
            self.dilation,
        )
        return found

    def convolved(self, x: Tensor, mean: Tensor | None = None) -> Tensor:
        """The same by torch's convolutions, for devices and precisions that have fast ones."""
        batch, frames, some, units = x.shape
        flat = x.permute(0, 2, 3, 1).reshape(batch * some, units, frames)
        heard = self.exchange((x.mean(2) if mean is None else mean).transpose(1, 2))
        hidden = self.convolve(flat) + heard.repeat_interleave(some, 0)
        added: Tensor = self.project(leaky_relu(hidden, LEAK))
        return (flat + added).reshape(batch, some, units, frames).permute(0, 3, 1, 2)


def _recordings(batch: Tensor) -> list[Tensor]:
    """Rows of each recording, ``(frames * voices, units)``."""
    return list(batch.view(len(batch), -1, batch.shape[-1]).unbind())


def _shifted(shift: int, rows: int) -> Iterator[tuple[int, slice, slice]]:
    """The outer taps: which, the rows that one reads, and those that it adds to."""
    earlier, later = slice(None, max(rows - shift, 0)), slice(shift, None)
    yield 0, earlier, later
    yield 2, later, earlier


class _Products(torch.autograd.Function):
    """y of one recording after the other, and its gradient in closed form."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        mean: Tensor | None,
        taps: Tensor,
        bias: Tensor,
        exchange: Tensor,
        project: Tensor,
        project_bias: Tensor,
        dilation: int,
    ) -> Tensor:
        x, taps = x.contiguous(), taps.contiguous()
        heard = x.mean(2) if mean is None else mean
        hidden, result = torch.empty_like(x), torch.empty_like(x)
        shift = dilation * x.shape[2]
        for at, (read, inner, outer) in enumerate(zip(*map(_recordings, (x, hidden, result)), strict=True)):
            torch.addmm(bias, read, taps[1].T, out=inner)
            for tap, source, target in _shifted(shift, len(read)):
                inner[target].addmm_(read[source], taps[tap].T)
            hidden[at].add_((heard[at] @ exchange.T).unsqueeze(1))
            leaky_relu(inner, LEAK, inplace=True)
            torch.addmm(project_bias, inner, project.T, out=outer).add_(read)
        ctx.shift, ctx.own = shift, mean is None
        ctx.save_for_backward(x, heard, hidden, taps, exchange, project)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, heard, hidden, taps, exchange, project = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_x, of_heard = torch.empty_like(x), torch.empty_like(heard)
        of_taps, of_exchange, of_project = (torch.zeros_like(weight) for weight in (taps, exchange, project))
        of_bias, of_project_bias = (torch.zeros_like(project[0]) for _ in range(2))
        before = torch.empty_like(x[0]).flatten(0, 1)  # gradient of what the activation is of
        for at, (read, inner, outer, found) in enumerate(
            zip(*map(_recordings, (x, hidden, gradient, of_x)), strict=True)
        ):
            of_project.addmm_(outer.T, inner)
            of_project_bias += outer.sum(0)
            torch.mm(outer, project, out=before)
            torch.ops.aten.leaky_relu_backward.grad_input(before, inner, LEAK, True, grad_input=before)
            together = before.view(x.shape[1:]).sum(1)
            of_exchange.addmm_(together.T, heard[at])
            torch.mm(together, exchange, out=of_heard[at])
            of_bias += together.sum(0)
            of_taps[1].addmm_(before.T, read)
            torch.addmm(outer, before, taps[1], out=found)
            for tap, source, target in _shifted(ctx.shift, len(read)):
                of_taps[tap].addmm_(before[target].T, read[source])
                found[source].addmm_(before[target], taps[tap])
            if ctx.own:
                of_x[at].add_(of_heard[at].div_(x.shape[2]).unsqueeze(1))
        mean = None if ctx.own else of_heard
        return of_x, mean, of_taps, of_bias, of_exchange, of_project, of_project_bias, None
