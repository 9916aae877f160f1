"""Which of two contours near one note each part sings, when both parts are known elsewhere.

As in `vocsep.pitch.naming`, but a part is known wherever it is written apart from the other: there the sign
of a stretch is (almost) given, and what it says of both singers' levels tells them apart in unison. Whether
both change places where their contours meet is told by how well either explains the recording
(`vocsep.pitch.pair_search`).
"""

from collections.abc import Mapping
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.comb_levels import EVERY, fitted_levels
from vocsep.pitch.duet_stretches import cheapest_around, find_places, with_cheapest
from vocsep.pitch.exchange_odds import keep_odds
from vocsep.pitch.naming import likeliest
from vocsep.pitch.pair_contours import NEAR
from vocsep.pitch.part_evidence import PLACES, evidence
from vocsep.pitch.part_stretches import PARTIALS, find_stretches

Array = NDArray[np.float64]
Pair = tuple[int, int]

APART = 1.5  # semitones between what is written, from which the parts are known
FEWEST = 5  # frames in which they are not
KNOWN = 1.0  # nats a frame for the parts where they are known
CONTOURS = 0.6  # of what contours cost more (measured): the windows in which they are heard overlap
SAME = 0.1  # semitones between tracks, up to which both have one F0
LEVELS = 2.0  # of what levels say in duets, whose tracks err more than parts do (measured)


def name_parts(
    audio: NDArray[np.float32], pitch: Array, written: Array, exchange: Mapping[Pair, Array]
) -> Array:
    """Tracks of parts, exchanged where these are near each other and it was likely the other way round.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(parts, frames)`` semitones, NaN = silent.
        written: the same shape, what each part is to sing; NaN = nothing, or not known: there they keep
            what they have.
        exchange: of pairs of parts, ``(frames,)`` nats that it would cost to exchange their contours from
            each frame on, infinite where that is not known.

    Returns:
        The same shape.
    """
    named = pitch.copy()
    levels, sure = (table[..., :PARTIALS] for table in fitted_levels(audio, pitch))
    unasked = np.full(pitch.shape[1], np.inf)
    for pair in combinations(range(len(pitch)), 2):
        rows = list(pair)
        near = np.abs(named[rows[0]] - named[rows[1]]) < NEAR
        apart = np.abs(written[rows[0]] - written[rows[1]]) >= APART  # NaN compares as false
        unknown = near & ~apart & np.isfinite(written[rows]).any(axis=0)
        if unknown.sum() < FEWEST:
            continue
        turned = near & _exchanged(
            named[rows], levels[:, rows], sure[:, rows], unknown, exchange.get(pair, unasked)
        )
        named[rows] = np.where(turned, named[rows[::-1]], named[rows])
        windows = turned[::EVERY][:, None, None]
        for table in (levels, sure):
            table[:, rows] = np.where(windows, table[:, rows[::-1]], table[:, rows])
    return np.asarray(named)


def _exchanged(
    pitch: Array, levels: Array, sure: Array, unknown: NDArray[np.bool_], exchange: Array
) -> NDArray[np.bool_]:
    """Where two tracks are likelier the other way round, ``(frames,)``.

    Args:
        pitch: ``(2, frames)`` semitones, NaN = silent.
        levels, sure: of these tracks, as `vocsep.pitch.comb_levels.fitted_levels` gives them.
        unknown: ``(frames,)`` where the parts are not known.
        exchange: ``(frames,)`` nats that an exchange from there on costs, infinite where not known.
    """
    together = np.isfinite(exchange)
    lower = pitch[1] > pitch[0]  # NaN compares as false
    edges = with_cheapest(find_places(np.where(lower, pitch[::-1], pitch)), exchange)
    # Contours that were found together go on as they are between the places where they may be exchanged.
    below = lower & ~together
    sung = np.isfinite(pitch)
    spans = list(pairwise(edges.tolist()))
    for first, last in spans:  # who rests for a moment stays where it was
        both = sung[:, first:last].all(axis=0)
        below[first:last][~both] = below[first:last][both].mean() > 0.5 if both.any() else False
    first_two = np.where(below, pitch[::-1], pitch)
    windows = below[::EVERY][:, None, None]
    levels, sure = (np.where(windows, table[:, ::-1], table) for table in (levels, sure))
    stretches = find_stretches(first_two, levels, sure, edges)
    sense = np.where(below, -1.0, 1.0)
    known = np.where(sung.any(axis=0) & ~unknown, KNOWN * sense, 0.0)
    field = np.array([known[first:last].sum() for first, last in spans])
    means, covariance = evidence(stretches)
    means[:, -1] = 0.0  # the one who sings higher elsewhere need not on a note that both have
    # One more stretch, at the front, in which all that is known is.
    alike = np.zeros((len(field) + 1, len(field) + 1))
    alike[1:, 1:] = LEVELS * means @ covariance @ means.T
    alike[0, 1:] = alike[1:, 0] = field
    keep = np.zeros(len(alike))
    keep[2:] = PLACES * keep_odds(first_two, levels, sure, stretches)[1:]
    # Tracks that have one F0 have no order.
    told = together | (sung.any(axis=0) & ~(np.abs(pitch[0] - pitch[1]) <= SAME))
    as_found = [(sense * told)[first:last].sum() for first, last in spans]
    for index, (place, _) in enumerate(spans[1:], start=1):
        cost = cheapest_around(exchange, place)
        if np.isfinite(cost):
            same = np.sign(as_found[index]) * np.sign(as_found[index - 1])
            keep[index + 1] = CONTOURS * same * cost
    beginnings = [np.where(np.array([1.0, *votes]) < 0, -1, 1) for votes in (as_found, field.tolist())]
    found = likeliest(beginnings, alike, keep)
    return np.asarray(np.repeat(found[1:] * found[0], np.diff(edges)) * sense < 0)
