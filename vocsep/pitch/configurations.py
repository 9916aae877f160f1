"""Ordered configurations: which candidate each voice sings in a frame, when voices never cross."""

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

MOST_IN_UNISON = 6  # voices; with more, unison would double the thousands of configurations
MOST_TO_LIST = 20_000  # configurations of a frame, without unisons


def ordered_configurations(voices: int, candidates: int, *, unison: bool = True) -> NDArray[np.int64]:
    """All ordered configurations ``(states, voices)``: index of a candidate, or ``candidates`` for silence.

    Candidates ascend in pitch and voices descend, so indices fall along a row. With ``unison``, two
    neighbours may sing the same, up to `MOST_IN_UNISON` voices.
    """
    rows = _apart(voices, candidates)
    if unison and 1 < voices <= MOST_IN_UNISON:
        # A pair in unison moves as one voice: a row of one voice fewer, in which that voice stands twice.
        single = _apart(voices - 1, candidates)
        rows += [
            [*row[: first + 1], *row[first:]]
            for row in single
            for first in range(voices - 1)
            if row[first] != candidates
        ]
    return np.array(rows, dtype=np.int64)


def _apart(voices: int, candidates: int) -> list[list[int]]:
    """Configurations in which every candidate has one voice at most."""
    rows = []
    for sounding in range(min(voices, candidates) + 1):
        for who in combinations(range(voices), sounding):
            for what in combinations(range(candidates), sounding):
                row = [candidates] * voices
                for voice, candidate in zip(who, reversed(what), strict=True):
                    row[voice] = candidate
                rows.append(row)
    return rows


def affordable(voices: int, candidates: int) -> int:
    """Fewest of ``candidates`` (at least the number of voices) whose configurations can be listed at all."""
    while candidates > voices and number_of_configurations(voices, candidates) > MOST_TO_LIST:
        candidates -= 1
    return candidates


def number_of_configurations(voices: int, candidates: int) -> int:
    """Of these, how many give every candidate to one voice at most.

    >>> number_of_configurations(2, 3), len(ordered_configurations(2, 3, unison=False))
    (10, 10)
    """
    return sum(comb(voices, k) * comb(candidates, k) for k in range(min(voices, candidates) + 1))
