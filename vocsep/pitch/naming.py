"""Who sings what, of two voices: stretches of tracks are given to them for the whole file at once.

Tracks are ordered by height, so voices that cross change tracks. Networks say of every two stretches how
well it agrees with their sounds that the same voice is on the first track of both, and of every place between
stretches how likely voices keep their tracks there (`vocsep.pitch.duet_network`). The likeliest of all ways
is sought by turning over runs of stretches, as long as that gains, from several beginnings. The order of
height has to be refuted: where it explains nearly as well, it stays. Of contours that were found together,
and could as well be named otherwise, both voices get the line between.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.model import load_model, shipped_model
from vocsep.pitch.comb_levels import fitted_levels
from vocsep.pitch.duet_links import find_links
from vocsep.pitch.duet_network import DuetEnsemble, DuetView, duet_view, restore_duets
from vocsep.pitch.duet_stretches import (
    CLOSE,
    find_places,
    find_stretches,
    gathered_levels,
    with_cheapest,
)

Array = NDArray[np.float64]

# Nats by which another order must explain better than that of height: of lines that never come within `CLOSE`
# of each other, and of those that do so in a share of `MET` of the frames in which both sing, or more.
REFUTED, MET = (6.0, 2.0), 0.03
GUESSED = 9.0  # odds against a sign from which it is a guess; of those above, 43 of 100 frames were wrong
TOGETHER = 250  # stretches, about 40 s, that are searched together


def name_voices(audio: NDArray[np.float32], pitch: Array, exchange: Array) -> Array:
    """Tracks of two voices, from two tracks in order of height.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(2, frames)`` semitones, NaN = silent; the higher first, but where contours were found
            together these may cross.
        exchange: ``(frames,)`` nats that it would cost to exchange such contours from each frame on, infinite
            elsewhere (`vocsep.pitch.pair_contours`).

    Returns:
        ``(2, frames)`` semitones: in every frame what the tracks have, in one order or the other; but of
        contours that were found together, and of which nobody can say who sings which, both have the mean,
        so that both stems get what both sing.

    Raises:
        ModelError: the shipped weights are missing or damaged.
    """
    if not np.isfinite(pitch).any():
        return pitch
    edges, view = heard_duet(pitch, *fitted_levels(audio, pitch), exchange)
    with torch.inference_mode():
        alike, keep = (told.double().numpy() for told in shipped_network()(view))
    gap = np.abs(pitch[0] - pitch[1])[np.isfinite(pitch).all(axis=0)]
    met = float((gap < CLOSE).mean()) if len(gap) else 0.0
    signs = best_signs(alike, keep, float(np.interp(met, (0.0, MET), REFUTED)))
    length = np.diff(edges)
    named = np.where(np.repeat(signs, length) < 0, pitch[::-1], pitch)
    sung = np.array([np.isfinite(pitch[:, first:last]).sum() for first, last in pairwise(edges.tolist())])
    against = np.concatenate(
        [odds_against(signs[p], alike[p][:, p], keep[p], sung[p]) for p in _parts(len(signs))]
    )
    shared = np.repeat(against > GUESSED, length) & np.isfinite(exchange)
    named[:, shared] = named[:, shared].mean(axis=0)
    return np.asarray(named)


def heard_duet(
    pitch: Array, levels: Array, sure: Array, exchange: Array
) -> tuple[NDArray[np.int64], DuetView]:
    """Edges of the stretches of two tracks, ``(stretches + 1,)`` frames, and what the network sees of them.

    Args:
        pitch, exchange: as of `name_voices`.
        levels, sure: of these tracks, of `vocsep.pitch.comb_levels.fitted_levels`.
    """
    level, certain = gathered_levels(levels, sure, pitch)
    higher_first = np.where(pitch[1] > pitch[0], pitch[::-1], pitch)
    edges = with_cheapest(find_places(higher_first), exchange)
    stretches = find_stretches(pitch, level, certain, edges)
    return edges, duet_view(stretches, find_links(pitch, level, certain, edges))


@cache
def shipped_network() -> DuetEnsemble:
    """The networks that come with vocsep.

    Raises:
        ModelError: they are missing or damaged.
    """
    return restore_duets(load_model(shipped_model("duets"), "duets"))


def best_signs(alike: Array, keep: Array, refuted: float = REFUTED[1]) -> NDArray[np.int64]:
    """Signs of the stretches that are likeliest.

    Args:
        alike: ``(stretches, stretches)`` symmetric, nats by which two agree.
        keep: ``(stretches,)`` log odds that each has the sign of the one before; the first is not read.
        refuted: nats by which another order must explain better than that of height.

    Returns:
        ``(stretches,)`` 1 or -1, mostly 1.
    """
    keep = np.concatenate(([0.0], keep[1:]))
    height = np.ones(len(alike), dtype=np.int64)
    found = _searched(alike, keep)
    if likelihood(found, alike, keep) - likelihood(height, alike, keep) < refuted:
        return height
    return found if found.sum() >= 0 else -found


def _searched(alike: Array, keep: Array) -> NDArray[np.int64]:
    """The likeliest signs that are found; of very many stretches first in parts of `TOGETHER`, and then of
    these parts: what a search costs grows faster than with the square of their number."""
    if len(alike) > TOGETHER:
        parts = _parts(len(alike))
        signs = np.concatenate([_searched(alike[part][:, part], keep[part]) for part in parts])
        first = np.array([part[0] for part in parts])
        between = np.add.reduceat(np.add.reduceat(signs[:, None] * alike * signs, first, 0), first, 1)
        turned = _searched(between, keep[first] * signs[first] * signs[first - 1])
        return np.asarray(signs * np.repeat(turned, [len(part) for part in parts]))
    chain = np.where(keep < 0, -1, 1).cumprod()
    _, vectors = np.linalg.eigh(alike)
    eigenvectors = [np.where(vector < 0, -1, 1) for vector in vectors.T[::-1][:3]]
    return likeliest([np.ones(len(alike), dtype=np.int64), chain, *eigenvectors], alike, keep)


def _parts(count: int) -> list[NDArray[np.int64]]:
    """Stretches in parts of at most `TOGETHER`."""
    return np.array_split(np.arange(count), -(-count // TOGETHER))


def likeliest(beginnings: Sequence[NDArray[np.int64]], alike: Array, keep: Array) -> NDArray[np.int64]:
    """The best signs that can be reached from some to begin with; arguments as of `best_signs`."""
    return max(
        (_climbed(signs, alike, keep) for signs in beginnings), key=lambda s: likelihood(s, alike, keep)
    )


def likelihood(signs: NDArray[np.int64], alike: Array, keep: Array) -> float:
    """Log likelihood of signs, up to a constant."""
    return float(signs @ alike @ signs + (keep[1:] * signs[1:] * signs[:-1]).sum()) / 2


def odds_against(signs: NDArray[np.int64], alike: Array, keep: Array, weight: NDArray[np.int64]) -> Array:
    """How likely it is that a stretch has the other sign than it was given, against that it has this one.

    Summed over all runs of stretches that may be turned over, the others staying as they are. To turn nearly
    all is to turn the few that are left.

    Args:
        signs: ``(stretches,)``. alike, keep: as of `best_signs`. weight: ``(stretches,)`` frames that tell
            which part is the smaller one.

    Returns:
        ``(stretches,)``.
    """
    first, last, gain = _turned(signs, alike, keep)
    odds = np.exp(np.minimum(gain, 0.0)) * (last - first < len(signs))
    frames = np.concatenate(([0], weight.cumsum()))
    whole = 2 * (frames[last] - frames[first]) > frames[-1]
    signed = np.where(whole, -odds, odds)
    begun, ended = (np.bincount(edge, signed, len(signs) + 1) for edge in (first, last))
    return np.asarray(odds[whole].sum() + (begun - ended).cumsum()[:-1])


@lru_cache(4)
def _runs(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and one past the last of every run of ``count`` stretches."""
    return np.triu_indices(count + 1, 1)


def _turned(
    signs: NDArray[np.int64], alike: Array, keep: Array
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """All runs of stretches, the first and one past the last of each, and what it gains to turn them over."""
    count = len(signs)
    first, last = _runs(count)
    agreed = np.zeros((count + 1, count + 1))
    agreed[1:, 1:] = (alike * signs[:, None] * signs).cumsum(axis=0).cumsum(axis=1)
    inside = agreed[last, last] - 2 * agreed[first, last] + agreed[first, first]
    outside = agreed[last, count] - agreed[first, count] - inside
    border = np.zeros(count + 1)
    border[1:count] = keep[1:] * signs[1:] * signs[:-1]
    return first, last, -2 * outside - border[first] - border[last]


def _climbed(signs: NDArray[np.int64], alike: Array, keep: Array) -> NDArray[np.int64]:
    """Signs of which no run can be turned over with gain."""
    while True:
        first, last, gain = _turned(signs, alike, keep)
        best = int(gain.argmax())
        if gain[best] <= 1e-9:
            return signs
        signs = signs.copy()
        signs[first[best] : last[best]] *= -1
