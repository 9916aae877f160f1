"""The likeliest contours of two voices near one line.

The likelihood (`vocsep.pitch.pair_combs`) has many local optima: two contours that touch and part again
explain the mixture nearly as well as two that cross. So many random pairs with vibrato descend the gradient,
first with few partials and short windows, whose optima are wide; then the cheapest path from one to another,
either way round, takes from each the frames where it is right (fusion moves: V. Lempitsky, C. Rother, S. Roth
and A. Blake, IEEE Trans. PAMI 32(8), 2010). Contours of singers are smooth, but for the edges of notes:
second differences have Student's distribution.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from vocsep.estimator.adam import Adam, ParameterGroup
from vocsep.memory import still_wanted
from vocsep.pitch.pair_combs import PARTIALS, PairCombs
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

ROUGH, DEGREES = 0.12, 3.0  # semitones of a second difference, and freedom of its distribution
STARTS, ROUNDS = 16, 4  # random pairs, and how often at most
GAINED = 1.0  # nats that a round must bring, or it was the last one
OFFSET, DEPTH, KICK = 0.15, 0.6, 0.4  # semitones: deviation of a voice, its vibrato, and that of later rounds
RATES = (4.7, 6.3)  # Hz
LENGTHS = (20.0, 50.0)  # frames, periods of where a random pair departs from what is known
MET = 0.25  # semitones between contours that may cross
CHANGE = 20.0  # nats a semitone, of a jump from one pair to another
FULL = 20  # half of the longest window, samples of a demodulated partial: 160 ms in all
LOCAL = 16  # frames between exchanges of which no window hears two


@dataclass(frozen=True)
class Stage:
    """Of a descent.

    Attributes:
        half: of the windows. partials: looked at, at most. steps: of Adam. rate: its first one, semitones.
    """

    half: int
    partials: int
    steps: int
    rate: float


COARSE = (Stage(8, 4, 15, 0.06), Stage(12, 8, 15, 0.05), Stage(FULL, PARTIALS, 25, 0.03))
AGAIN = (Stage(12, 8, 12, 0.05), Stage(FULL, PARTIALS, 20, 0.03))
FINE = (Stage(FULL, PARTIALS, 25, 0.02),)


def best_contours(combs: PairCombs, begun: Array, free: NDArray[np.bool_]) -> tuple[Array, Array]:
    """The likeliest two contours.

    Args:
        combs: of both voices.
        begun: ``(2, frames)`` semitones from the line, from which the search begins.
        free: ``(frames,)``, where they may change.

    Returns:
        ``(2, frames)`` semitones from the line; and ``(frames,)`` nats that it would cost to exchange both
        from each frame on, infinite where they are not free.
    """
    random = np.random.default_rng(0)
    mask = torch.from_numpy(free).float()
    best = torch.from_numpy(begun).float()[None]
    for number in range(ROUNDS):
        known = best[0].double().numpy()
        tried = [known] if number == 0 else [known, _crossing(known)]
        for _ in range(STARTS):
            if number == 0:
                tried.append(_drawn(random, begun.shape[1], DEPTH))
            else:
                tried.append(
                    known + _somewhere(random, begun.shape[1]) * _drawn(random, begun.shape[1], KICK)
                )
        starts = np.where(free, np.stack(tried), begun)
        found = _descended(combs, torch.from_numpy(starts).float(), mask, AGAIN if number else COARSE)
        fused = _descended(combs, _fused(combs, torch.cat((best, found))), mask, FINE)
        both = torch.cat((best, fused))
        costs = _costs(combs, both).sum(dim=1)
        best = both[costs.argmin()][None]
        if number and costs[0] - costs.min() < GAINED:
            break
    return best[0].double().numpy(), _exchange_costs(combs, best[0], free)


def _drawn(random: np.random.Generator, frames: int, depth: float) -> Array:
    """Two contours that nobody sang, ``(2, frames)``: an offset and a vibrato each."""
    time = np.arange(frames) * HOP / SAMPLE_RATE
    depths, rates = random.uniform(0, depth, (2, 1)), random.uniform(*RATES, size=(2, 1))
    angle = 2 * np.pi * (rates * time + random.uniform(size=(2, 1)))
    return np.asarray(random.normal(0, OFFSET, (2, 1)) + depths * np.cos(angle))


def _somewhere(random: np.random.Generator, frames: int) -> Array:
    """How much of a random pair is taken in each frame, 0 to 1."""
    turns = np.arange(frames) / random.uniform(*LENGTHS) + random.uniform()
    return np.asarray(np.clip(2 * np.sin(2 * np.pi * turns), 0, 1))


def _crossing(pair: Array) -> Array:
    """The same pair, crossing wherever it comes near."""
    middle, half = pair.mean(axis=0), (pair[0] - pair[1]) / 2
    gap = np.abs(half) * 2
    met = np.zeros(len(gap), dtype=np.bool_)
    met[1:-1] = (gap[1:-1] < MET) & (gap[1:-1] <= gap[:-2]) & (gap[1:-1] < gap[2:])
    side = np.where(np.cumsum(met) % 2, -half, half)
    return np.stack((middle + side, middle - side))


def _roughness(combs: PairCombs, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """Negative log likelihood of the second differences, ``(pairs, frames)``, 0 at both ends, and the
    gradient of its sum, ``(pairs, 2, frames)``."""
    pitch = offsets + combs.line
    bend = pitch[..., 2:] - 2 * pitch[..., 1:-1] + pitch[..., :-2]
    slope = (DEGREES + 1) * bend / (bend.square() + DEGREES * ROUGH**2)
    slopes = pad(slope, (0, 2)) - 2 * pad(slope, (1, 1)) + pad(slope, (2, 0))
    return pad(_student(bend).sum(dim=1), (1, 1)), slopes


def _student(bend: Tensor) -> Tensor:
    return (DEGREES + 1) / 2 * torch.log1p((bend / ROUGH).square() / DEGREES)


def _costs(combs: PairCombs, offsets: Tensor) -> Tensor:
    return combs.costs(offsets, FULL, PARTIALS) + _roughness(combs, offsets)[0]


def _descended(combs: PairCombs, offsets: Tensor, mask: Tensor, stages: tuple[Stage, ...]) -> Tensor:
    """Pairs ``(pairs, 2, frames)`` after descents of their costs where ``mask`` is 1."""
    found = offsets.clone()
    for stage in stages:
        adam = Adam([ParameterGroup([found], stage.rate, (0.8, 0.95))])
        for step in range(stage.steps):
            still_wanted()
            slopes = combs.costs_and_slopes(found, stage.half, stage.partials)[1]
            found.grad = (slopes + _roughness(combs, found)[1]) * mask
            adam.step(1 - step / stage.steps + 0.1)
    return found


def _fused(combs: PairCombs, offsets: Tensor) -> Tensor:
    """The cheapest path through pairs, either way round, ``(1, 2, frames)``; the ends are the first one's."""
    either = torch.cat((offsets, offsets.flip(1)))
    cost, pitch = _costs(combs, either).double(), (either + combs.line).double()
    pairs, frames = cost.shape
    total = cost[:, 0] + 1e6 * (torch.arange(pairs) >= pairs // 2)
    back, jumps = torch.zeros(frames, pairs, dtype=torch.long), _jumps(pitch)
    for frame in range(1, frames):
        total, back[frame] = (total[:, None] + jumps[frame]).min(dim=0)
        total = total + cost[:, frame]
    total[pairs // 2 :] += 1e6
    path = total.argmin().repeat(frames)
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    return either[path, :, torch.arange(frames)].T[None].contiguous()


def _jumps(pitch: Tensor) -> Tensor:
    """Cost of coming to each frame from another pair, ``(frames, pairs before, pairs)``; 0 on the same one.

    Args:
        pitch: ``(pairs, 2, frames)`` semitones.
    """
    pitch = pitch.permute(2, 0, 1)
    frames = torch.arange(len(pitch))
    earlier, before, stays = (pitch[(frames + step).clamp(min=0), :, None] for step in (-2, -1, 0))
    here, later = pitch[:, None], pitch[(frames + 1).clamp(max=len(pitch) - 1), None]
    bends = _student(here - 2 * before + earlier) + _student(later - 2 * here + before)
    cost = (bends + CHANGE * (here - stays).abs()).sum(dim=-1)
    torch.diagonal(cost, dim1=1, dim2=2).zero_()
    return cost


def _exchange_costs(combs: PairCombs, pair: Tensor, free: NDArray[np.bool_]) -> Array:
    """Of `best_contours`: by how much it costs more to exchange both from a frame on.

    Only the windows around that frame hear of it, so exchanges `LOCAL` frames apart are looked at together.
    """
    frames, usual = torch.arange(len(free)), _costs(combs, pair[None])[0]
    turned = (frames - torch.arange(LOCAL)[:, None] + LOCAL).div(LOCAL, rounding_mode="floor") % 2
    exchanged = torch.where(turned[:, None] > 0, pair, pair.flip(0))
    more = pad((_costs(combs, exchanged) - usual).double(), (LOCAL // 2, LOCAL // 2))
    around = more.unfold(-1, LOCAL, 1).sum(dim=-1)[frames % LOCAL, frames]
    return np.where(free, around.numpy(), np.inf)
