"""Reverberation: what a voice has sung goes on sounding after the voice has stopped or moved on.

The expected power P of each voice is followed by a tail that decays exponentially, in every bin by itself
(J.-D. Polack's statistical model of a diffuse field; on spectrograms: K. Lebart, J. M. Boucher and P. N.
Denbigh, "A new method based on spectral subtraction for speech dereverberation", Acta Acustica 2001):

    L(f, n) = r (1 - d) sum_{k >= 1} d^(k-1) P(f, n - k),        d(f) = 10^(-6 HOP / (T(f) SAMPLE_RATE))

T is the reverberation time, given at three frequencies and read between them; r, the *level*, is the ratio of
the energies of tail and direct sound. Both are learned from the recording along with the source parameters,
by the same divergence (`vocsep.estimator.adapt`): without tails, the parameters of other voices and of the
noise would have to explain them. A tail outlives its note, whatever the F0 track says, because it is made of
powers and not of harmonics.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE

NODES = (250.0, 1_000.0, 4_000.0)  # Hz, where the reverberation time is known
FIRST_TIME = 0.6  # s, before anything is learned
FIRST_LEVEL = 0.1  # hardly heard: a dry recording has little to unlearn
TIMES = (0.02, 10.0)  # s, bounds
LEVELS = (1e-3, 10.0)  # bounds
DRY = 1e-3  # of the direct sound: tails that are weaker one window after the note do not count
NEGLIGIBLE = 1e-5  # of a power, where tails are cut off


def nodes_to_bins(frequencies: Tensor) -> Tensor:
    """Weights that interpolate between the nodes, linearly in octaves and held at both ends.

    Args:
        frequencies: ``(bins,)`` in Hz.

    Returns:
        ``(nodes, bins)``; every column adds up to 1.
    """
    low, high = math.log2(NODES[0]), math.log2(NODES[-1])
    octaves = torch.log2(frequencies.clamp(NODES[0], NODES[-1]))
    position = (octaves - low) / (high - low) * (len(NODES) - 1)
    nodes = torch.arange(len(NODES), device=frequencies.device).unsqueeze(-1)
    return (1 - (position - nodes).abs()).clamp(min=0)


def decay_per_frame(times: Tensor) -> Tensor:
    """d, by which power decays from one frame to the next where the reverberation time is ``times`` (s).

    >>> round(float(decay_per_frame(torch.tensor(1.2)) ** 75), 9)  # 75 frames are 1.2 s
    1e-06
    """
    return torch.pow(10.0, -6 * HOP / (times * SAMPLE_RATE))


def decaying_sum(values: Tensor, decay: Tensor) -> Tensor:
    """``y(n) = x(n) + d y(n - 1)`` by doubling, in a few passes instead of one a frame; differentiable.

    Args:
        values: x, ``(..., frames, bins)``.
        decay: d, ``(bins,)``, from 0 to below 1.

    Returns:
        y, of the same shape, to within NEGLIGIBLE of each value.
    """
    slowest = min(max(float(decay.detach().max()), 1e-9), 1 - 1e-6)
    reach = min(math.log(NEGLIGIBLE) / math.log(slowest), values.shape[-2])  # frames that a value is heard
    step = 1
    while step < reach and step < values.shape[-2]:
        earlier = nn.functional.pad(values[..., :-step, :], (0, 0, step, 0))
        values = values + decay * earlier
        decay, step = decay.square(), 2 * step
    return values


def tails(powers: Tensor, times: Tensor, level: Tensor | float, stride: int = 1) -> Tensor:
    """L, the tails of voices; differentiable.

    Args:
        powers: P, ``(..., frames, bins)`` at every ``stride``-th frame. In between, they are taken to change
            linearly.
        times: T, ``(bins,)`` in s.
        level: r.
        stride: frames.

    Returns:
        ``(..., frames, bins)`` at the same frames.
    """
    decay = decay_per_frame(times)
    ago = torch.arange(1, stride + 1, device=powers.device).unsqueeze(-1)
    weights = (1 - decay) * decay ** (ago - 1)  # (stride, bins) of what was ``ago`` frames before
    since = weights * ago / stride
    earlier = nn.functional.pad(powers[..., :-1, :], (0, 0, 1, 0))
    recent = (weights - since).sum(dim=0) * powers + since.sum(dim=0) * earlier
    return level * decaying_sum(recent, decay**stride)


@dataclass(frozen=True)
class Reverberation:
    """What is known about the room of a recording.

    Attributes:
        times: reverberation time at `NODES`, in s.
        level: energy of the tails over that of the direct sound.
    """

    times: tuple[float, ...]
    level: float

    def with_tails(self, powers: Tensor) -> Tensor:
        """Powers of voices and of their tails, ``(voices, bins of MASK_FFT, frames)``."""
        frequencies = torch.linspace(0, SAMPLE_RATE / 2, powers.shape[1], device=powers.device)
        at_nodes = torch.tensor(self.times, device=powers.device).log()
        times = (at_nodes @ nodes_to_bins(frequencies)).exp()
        return powers + tails(powers.transpose(1, 2), times, self.level).transpose(1, 2)


class RoomFit(nn.Module):
    """A room that is being learned: time and level as logarithms, so that both stay positive.

    Args:
        level: to start from.
    """

    def __init__(self, level: float = FIRST_LEVEL) -> None:
        super().__init__()
        self.log_times = nn.Parameter(torch.full((len(NODES),), math.log(FIRST_TIME)))
        self.log_level = nn.Parameter(torch.tensor(math.log(level)))

    def forward(self, powers: Tensor, frequencies: Tensor, stride: int) -> Tensor:
        """`tails` of ``(..., frames, bins)`` powers at ``frequencies`` ``(bins,)`` Hz."""
        log_times = self.log_times.clamp(*map(math.log, TIMES))
        times = (log_times @ nodes_to_bins(frequencies)).exp()
        return tails(powers, times, self.log_level.clamp(*map(math.log, LEVELS)).exp(), stride)

    @torch.no_grad()
    def found(self) -> Reverberation | None:
        """The room as it is now, or None where tails would be too weak to be heard behind the window."""
        times = self.log_times.exp().clamp(*TIMES)
        level = float(self.log_level.exp().clamp(*LEVELS))
        behind = decay_per_frame(times.log().mean().exp()) ** (MASK_FFT / HOP)
        if level * float(behind) < DRY:
            return None
        return Reverberation(tuple(times.tolist()), level)
