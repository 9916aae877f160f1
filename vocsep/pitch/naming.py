"""Who sings what: whole stretches of tracks are given to voices for the whole file at once.

The search over ordered configurations (`vocsep.pitch.viterbi`) finds what is sung; its tracks are ordered by
height, so voices that cross change tracks. Here each stretch gets a permutation of the tracks, and the cheapest
path through the permutations (A. J. Viterbi, 1967) says which voice went where. A permutation costs what the
voices that it makes lack in

- range: distance from where the voice sings in all;
- timbre: distance from the voice's mean envelope (`vocsep.pitch.timbre`);
- continuity: a voice that goes on through a cut keeps its track, unless it meets the other there; over a note
  change or a rest, the interval counts.

What a voice is, is learned from what it was given, pass by pass. Since that can settle on a mistake, several
beginnings are tried: the order of height, and the longest stretches in which all sing apart, from which the
voices are recognised by their timbre. The order of height has to be refuted: where it explains nearly as well,
it stays.
"""

from dataclasses import dataclass, replace
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.stretches import Stretches, find_stretches
from vocsep.pitch.timbre import timbre_of_stretches
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

EVERY_PERMUTATION = 5  # voices; of more, those that differ from the order of height by two exchanges
PASSES = 4  # of learning and assigning
BEGINNINGS = 6  # stretches from which voices are recognised


@dataclass(frozen=True)
class NamingCosts:
    """Costs in nats.

    Attributes:
        spread: semitones, standard deviation of a voice around its centre. strange: most that range costs,
            in squares of it.
        independent: frames of a track that count as one observation of range; of timbre: `heard`.
        line: a voice leaves a track that goes on. met: the same where both tracks touch.
        interval: a semitone between the notes of a voice, up to ``leap`` nats; halved in each `fade` s of rest.
        refuted: by how much another order must explain better than that of height.
        prior: observations of the mean of all voices that each voice's timbre begins with.
    """

    spread: float = 8.0
    usual: float = 5.0
    strange: float = 9.0
    independent: float = 25.0
    heard: float = 30.0
    line: float = 6.0
    met: float = 0.5
    interval: float = 0.15
    leap: float = 2.0
    fade: float = 1.0
    refuted: float = 3.0
    prior: float = 2.0


def orders(voices: int) -> NDArray[np.int64]:
    """Permutations that are considered, ``(orders, voices)``: the track of each voice; the first is unchanged."""
    if voices <= EVERY_PERMUTATION:
        return np.array(list(permutations(range(voices))), dtype=np.int64)
    found = {tuple(range(voices))}
    for _ in range(2):
        for row in list(found):
            for one, other in combinations(range(voices), 2):
                if other - one <= 2:
                    changed = list(row)
                    changed[one], changed[other] = changed[other], changed[one]
                    found.add(tuple(changed))
    return np.array(sorted(found), dtype=np.int64)


def change_costs(stretches: Stretches, costs: NamingCosts, seconds: Array) -> Array:
    """Cost for a voice to be on one track before a cut and on another after it.

    Args:
        stretches: of the tracks. costs: as above.
        seconds: ``(stretches,)`` length of each.

    Returns:
        ``(stretches, tracks before, tracks after)``; 0 for the first stretch.
    """
    count, tracks = stretches.frames.shape
    result = np.zeros((count, tracks, tracks))
    last, silent = np.full(tracks, np.nan), np.zeros(tracks)  # last pitch of each track, and s since then
    for index in range(count):
        if index:
            far = np.abs(last[:, None] - stretches.begins[index][None, :])
            weight = costs.interval * 0.5 ** (silent / costs.fade)
            result[index] = np.nan_to_num(np.minimum(weight[:, None] * far, costs.leap))
            goes_on = stretches.through[index]
            other = ~np.eye(tracks, dtype=np.bool_)
            touching = stretches.meets[index]
            breaks = other & (goes_on[:, None] | goes_on[None, :])
            result[index] += np.where(breaks, np.where(touching, costs.met, costs.line), 0.0)
        sung = stretches.frames[index] > 0
        last = np.where(sung, stretches.ends[index], last)
        silent = np.where(sung, 0.0, silent + seconds[index])
    return result


@dataclass(frozen=True)
class VoiceModels:
    """``centre`` ``(voices,)`` in semitones and ``timbre`` ``(voices, dimensions)``."""

    centre: Array
    timbre: Array


def learned(
    stretches: Stretches, timbre: Array, given: NDArray[np.int64], costs: NamingCosts, weight: Array
) -> VoiceModels:
    """Models of voices from the tracks that they were given.

    Args:
        stretches: of the tracks. costs: as above.
        timbre: ``(stretches, tracks, dimensions)``, NaN where unknown.
        given: ``(stretches, voices)``, the track of each voice.
        weight: ``(stretches, tracks)``, how much each is looked at, 0 where it is silent.
    """
    rows = np.arange(len(given))[:, None]
    share = weight[rows, given]
    pitch = np.nan_to_num(stretches.mean)[rows, given]
    everybody = (weight * np.nan_to_num(stretches.mean)).sum() / max(weight.sum(), 1e-9)
    total = share.sum(axis=0)
    centre = ((share * pitch).sum(axis=0) + 1e-3 * everybody) / (total + 1e-3)
    heard = np.isfinite(timbre).all(axis=-1)[rows, given] * share / costs.heard
    mean = (heard[..., None] * np.nan_to_num(timbre)[rows, given]).sum(axis=0)
    return VoiceModels(centre, mean / (heard.sum(axis=0) + costs.prior)[:, None])


def place_costs(stretches: Stretches, timbre: Array, models: VoiceModels, costs: NamingCosts) -> tuple[Array, Array]:
    """Cost of range and of timbre of each track for each voice, ``(stretches, voices, tracks)`` each."""
    away = (stretches.mean[:, None, :] - models.centre[None, :, None]) / costs.spread
    range_cost = 0.5 * np.minimum(np.nan_to_num(away) ** 2, costs.strange)
    range_cost *= (stretches.frames / costs.independent)[:, None, :]
    unlike = ((timbre[:, None] - models.timbre[None, :, None]) ** 2).sum(axis=-1)
    timbre_cost = 0.5 * np.nan_to_num(unlike) * (stretches.frames / costs.heard)[:, None, :]
    return range_cost, timbre_cost


def cheapest_orders(place: Array, change: Array, candidates: NDArray[np.int64]) -> tuple[NDArray[np.int64], float]:
    """The path through permutations that costs least, and its cost.

    Args:
        place: ``(stretches, voices, tracks)``. change: ``(stretches, tracks before, tracks after)``.
        candidates: ``(orders, voices)``.

    Returns:
        ``(stretches, voices)`` the track of each voice.
    """
    voices = np.arange(candidates.shape[1])
    at = place[:, voices, candidates].sum(axis=-1)  # (stretches, orders)
    total = at[0].copy()
    back = np.zeros(at.shape, dtype=np.int32)
    for index in range(1, len(at)):
        step = np.zeros((len(candidates), len(candidates)))
        for voice in voices:
            step += change[index][np.ix_(candidates[:, voice], candidates[:, voice])]
        reached = total[:, None] + step
        back[index] = reached.argmin(axis=0)
        total = reached.min(axis=0) + at[index]
    chosen = int(total.argmin())
    cost = float(total[chosen])
    path = np.zeros(len(at), dtype=np.int64)
    for index in range(len(at) - 1, -1, -1):
        path[index] = chosen
        chosen = int(back[index, chosen])
    return candidates[path], cost


def name_voices(
    audio: NDArray[np.float32], pitch: Array, costs: NamingCosts | None = None
) -> Array:
    """Tracks of the voices, from tracks in order of height.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(tracks, frames)`` semitones, NaN = silent, the highest first.
        costs: as above.

    Returns:
        ``(voices, frames)`` semitones: in every frame what the tracks have, in another order.
    """
    if len(pitch) < 2 or not np.isfinite(pitch).any():
        return pitch
    costs = costs or NamingCosts()
    stretches = find_stretches(pitch)
    given = given_tracks(stretches, timbre_of_stretches(audio, pitch, stretches), costs)
    named = np.empty_like(pitch)
    for index, (first, last) in enumerate(zip(stretches.edges[:-1], stretches.edges[1:], strict=True)):
        named[:, first:last] = pitch[given[index], first:last]
    return named


def given_tracks(stretches: Stretches, timbre: Array, costs: NamingCosts) -> NDArray[np.int64]:
    """The track of each voice in each stretch, ``(stretches, voices)``."""
    candidates = orders(stretches.frames.shape[1])
    seconds = np.diff(stretches.edges) * (HOP / SAMPLE_RATE)
    change = change_costs(stretches, costs, seconds)
    weight = stretches.frames.astype(np.float64)
    ordered = np.tile(candidates[0], (stretches.count, 1))
    best, least = ordered, np.inf
    for beginning in [None, *_apart_for_long(stretches)]:
        given = ordered
        tried = replace(costs, spread=costs.usual) if beginning is None else costs
        looked = weight if beginning is None else np.where(beginning[:, None], weight, 0.0)
        for _ in range(PASSES):
            models = learned(stretches, timbre, given, costs, looked)
            range_cost, timbre_cost = place_costs(stretches, timbre, models, tried)
            given, _ = cheapest_orders(range_cost + timbre_cost, change, candidates)
            looked = weight
        cost = explained(stretches, timbre, given, change, costs)
        if beginning is None:
            cost -= costs.refuted
        if cost < least:
            best, least = given, cost
    return best


def explained(stretches: Stretches, timbre: Array, given: NDArray[np.int64], change: Array, costs: NamingCosts) -> float:
    """Cost of timbre and continuity of an assignment, with the voices that it makes."""
    models = learned(stretches, timbre, given, costs, stretches.frames.astype(np.float64))
    range_cost, timbre_cost = place_costs(stretches, timbre, models, replace(costs, spread=costs.usual))
    rows, voices = np.arange(len(given))[:, None], np.arange(given.shape[1])
    total = (range_cost + timbre_cost)[rows, voices, given].sum()
    total += change[rows[1:], given[:-1], given[1:]].sum()
    return float(total)


def _apart_for_long(stretches: Stretches) -> list[NDArray[np.bool_]]:
    """The longest runs of stretches in which no two tracks that sing meet, as flags ``(stretches,)`` each."""
    edges = stretches.edges
    met = np.triu(stretches.meets.any(axis=0) * 0 + stretches.meets, k=1).any(axis=(1, 2))
    group = np.cumsum(met)
    together = (stretches.frames > 0).sum(axis=1) >= 2
    lengths = {int(g): int((np.diff(edges) * together)[group == g].sum()) for g in np.unique(group)}
    longest = sorted(lengths, key=lambda g: -lengths[g])[:BEGINNINGS]
    return [group == g for g in longest if lengths[g] > 0]
