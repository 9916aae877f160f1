"""A hidden layer of the `comb` preset: voices are convolved in time and hear of each other. Ours.

    y_j = x_j + project(h_j),    h_j = act(convolve(x_j) + exchange(mean over voices i of x_i))

With frames first and voices after them, a tap of a dilated convolution is the product of a stretch of rows
and a matrix, for all voices of a recording at once; its gradients are products of the same rows and matrices.
On a processor that costs a fifth less than torch's convolutions in one dimension, with what belongs to one
recording in the cache.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import leaky_relu

from vocsep.memory import still_wanted

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

    def forward(self, x: Tensor, mean: Tensor | None = None, stride: int = 1) -> Tensor:
        """Some voices and the mean of x over all -> the shape of x, or every ``stride``-th frame of it.

        Args:
            x: ``(batch, frames, some, units)``.
            mean: ``(batch, frames, units)``; None where x has all voices.
            stride: frames between those that are wanted.
        """
        still_wanted()
        if x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return self.convolved(x, mean)[:, ::stride]
        found: Tensor = _Products.apply(  # type: ignore[no-untyped-call]
            x,
            mean,
            self.convolve.weight.permute(2, 0, 1),
            self.convolve.bias,
            self.exchange.weight.squeeze(-1),
            self.project.weight.squeeze(-1),
            self.project.bias,
            self.dilation,
            stride,
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


def _rows(recording: Tensor, stride: int) -> list[Tensor]:
    """Frames of one recording in ``stride`` interleaved rows of them, each ``(frames * voices, units)``."""
    return [recording[first::stride].reshape(-1, recording.shape[-1]) for first in range(stride)]


def _outer_taps(
    dilation: int, voices: int, rows: Sequence[Tensor]
) -> Iterator[tuple[int, int, slice, slice]]:
    """Both outer taps: which, the number of the rows that it reads, which of them, and which it adds to.

    With ``stride`` rows, frame n of what is written hears frame ``n * stride +- dilation``: it is frame
    ``n + shift`` of one of them.
    """
    for tap, offset in ((0, -dilation), (2, dilation)):
        shift, source = divmod(offset, len(rows))
        first = max(-shift, 0) * voices
        last = max(min(len(rows[0]), len(rows[source]) - shift * voices), first)
        yield tap, source, slice(first + shift * voices, last + shift * voices), slice(first, last)


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
        stride: int,
    ) -> Tensor:
        x, taps = x.contiguous(), taps.contiguous()
        wanted = x[:, ::stride]
        heard = wanted.mean(2) if mean is None else mean[:, ::stride]
        hidden, result = (x.new_empty(wanted.shape) for _ in range(2))
        for at in range(len(x)):
            read, inner = _rows(x[at], stride), hidden[at].flatten(0, 1)
            torch.addmm(bias, read[0], taps[1].T, out=inner)
            for tap, source, some, target in _outer_taps(dilation, x.shape[2], read):
                inner[target].addmm_(read[source][some], taps[tap].T)
            hidden[at].add_((heard[at] @ exchange.T).unsqueeze(1))
            leaky_relu(inner, LEAK, inplace=True)
            torch.addmm(project_bias, inner, project.T, out=result[at].flatten(0, 1)).add_(read[0])
        ctx.dilation, ctx.stride, ctx.own = dilation, stride, mean is None
        ctx.save_for_backward(x, heard, hidden, taps, exchange, project)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, heard, hidden, taps, exchange, project = ctx.saved_tensors
        gradient, stride = gradient.contiguous(), ctx.stride
        of_x, of_mean = torch.zeros_like(x), None if ctx.own else x.new_zeros(*x.shape[:2], x.shape[-1])
        of_taps, of_exchange, of_project = (torch.zeros_like(weight) for weight in (taps, exchange, project))
        of_bias, of_project_bias = (torch.zeros_like(project[0]) for _ in range(2))
        before = torch.empty_like(hidden[0])  # gradient of what the activation is of
        slope = before.flatten(0, 1)
        for at in range(len(x)):
            read, inner, outer = _rows(x[at], stride), hidden[at].flatten(0, 1), gradient[at].flatten(0, 1)
            of_project.addmm_(outer.T, inner)
            of_project_bias += outer.sum(0)
            torch.mm(outer, project, out=slope)
            torch.ops.aten.leaky_relu_backward.grad_input(slope, inner, LEAK, True, grad_input=slope)
            together = before.sum(1)
            of_exchange.addmm_(together.T, heard[at])
            of_heard = together @ exchange
            of_bias += together.sum(0)
            of_taps[1].addmm_(slope.T, read[0])
            found = [torch.zeros_like(rows) for rows in read] if stride > 1 else _rows(of_x[at], 1)
            torch.addmm(outer, slope, taps[1], out=found[0])
            for tap, source, some, target in _outer_taps(ctx.dilation, x.shape[2], read):
                of_taps[tap].addmm_(slope[target].T, read[source][some])
                found[source][some].addmm_(slope[target], taps[tap])
            for first, rows in enumerate(found if stride > 1 else ()):  # one is of_x itself
                of_x[at, first::stride] = rows.view(-1, *x.shape[2:])
            if of_mean is None:
                of_x[at, ::stride].add_(of_heard.div_(x.shape[2]).unsqueeze(1))
            else:
                of_mean[at, ::stride] = of_heard
        return of_x, of_mean, of_taps, of_bias, of_exchange, of_project, of_project_bias, None, None
