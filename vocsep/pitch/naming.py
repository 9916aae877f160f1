"""Who sings what: whole stretches of tracks are given to voices for the whole file at once.

The search over ordered configurations (`vocsep.pitch.viterbi`) finds what is sung; its tracks are ordered by
height, so voices that cross change tracks. Here each stretch gets a permutation of the tracks, and the
cheapest path through the permutations (A. J. Viterbi, 1967) says which voice went where. A permutation costs
what the voices that it makes lack in

- range: distance from where the voice sings in all;
- timbre: distance from the voice's mean envelope (`vocsep.pitch.timbre`);
- continuity: a voice that goes on through a cut keeps its track, unless it meets the other there; over a note
  change or a rest, the interval counts.

What a voice is, is learned from what it was given, pass by pass. Since that can settle on a mistake, several
beginnings are tried: the order of height, and the longest stretches in which all sing apart, from which the
voices are recognised by their timbre. The order of height has to be refuted: where it explains nearly as
well, it stays.
"""

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.naming_costs import NamingCosts, change_costs, learned, place_costs
from vocsep.pitch.stretches import Stretches, find_stretches
from vocsep.pitch.timbre import timbre_of_stretches
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

PASSES = 4  # of learning and assigning
BEGINNINGS = 6  # stretches from which voices are recognised


def cheapest_orders(place: Array, change: Array, candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """The path through permutations that costs least.

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
    path = np.zeros(len(at), dtype=np.int64)
    for index in range(len(at) - 1, -1, -1):
        path[index] = chosen
        chosen = int(back[index, chosen])
    return candidates[path]


def name_voices(audio: NDArray[np.float32], pitch: Array, costs: NamingCosts | None = None) -> Array:
    """Tracks of the voices, from tracks in order of height.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(tracks, frames)`` semitones, NaN = silent, the highest first; up to five tracks.
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
    for index, (first, last) in enumerate(pairwise(stretches.edges.tolist())):
        named[:, first:last] = pitch[given[index], first:last]
    return named


def given_tracks(stretches: Stretches, timbre: Array, costs: NamingCosts) -> NDArray[np.int64]:
    """The track of each voice in each stretch, ``(stretches, voices)``.

    Args:
        stretches: of the tracks, up to five of them. costs: as above.
        timbre: ``(stretches, tracks, dimensions)``, NaN where unknown.
    """
    voices = stretches.frames.shape[1]
    candidates = np.array(
        list(permutations(range(voices))), dtype=np.int64
    )  # the first is the order of height
    seconds = np.diff(stretches.edges) * (HOP / SAMPLE_RATE)
    change = change_costs(stretches, costs, seconds)
    weight = stretches.frames.astype(np.float64)
    ordered = np.tile(candidates[0], (stretches.count, 1))
    best, least = ordered, explained(stretches, timbre, ordered, change, costs) - costs.refuted
    for beginning in [np.ones(stretches.count, dtype=np.bool_), *_apart_for_long(stretches)]:
        given, looked = ordered, np.where(beginning[:, None], weight, 0.0)
        for _ in range(PASSES):
            models = learned(stretches, timbre, given, costs, looked)
            range_cost, timbre_cost = place_costs(stretches, timbre, models, costs)
            given = cheapest_orders(range_cost + timbre_cost, change, candidates)
            looked = weight
        cost = explained(stretches, timbre, given, change, costs)
        if cost < least:
            best, least = given, cost
    return best


def explained(
    stretches: Stretches, timbre: Array, given: NDArray[np.int64], change: Array, costs: NamingCosts
) -> float:
    """Cost of timbre and continuity of an assignment, with the voices that it makes."""
    models = learned(stretches, timbre, given, costs, stretches.frames.astype(np.float64))
    range_cost, timbre_cost = place_costs(stretches, timbre, models, replace(costs, spread=costs.usual))
    rows, voices = np.arange(len(given))[:, None], np.arange(given.shape[1])
    total = (range_cost + timbre_cost)[rows, voices, given].sum()
    total += change[rows[1:], given[:-1], given[1:]].sum()
    return float(total)


def _apart_for_long(stretches: Stretches) -> list[NDArray[np.bool_]]:
    """The longest runs of stretches in which no two tracks that sing meet, as flags ``(stretches,)`` each."""
    met = np.triu(stretches.meets, k=1).any(axis=(1, 2))
    group = np.cumsum(met)
    together = (stretches.frames > 0).sum(axis=1) >= 2
    lengths = {int(g): int((np.diff(stretches.edges) * together)[group == g].sum()) for g in np.unique(group)}
    longest = sorted(lengths, key=lambda g: -lengths[g])[:BEGINNINGS]
    return [group == g for g in longest if lengths[g] > 0]
