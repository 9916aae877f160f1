"""Configurations made best first, and the beam: compared with all that there are."""

from itertools import product

import numpy as np
import pytest

from vocsep.pitch.beam import beam_path, best_configurations, spread_ranges
from vocsep.pitch.candidates import Candidates
from vocsep.pitch.viterbi import assign_viterbi


def ordered(voices: int, choices: int) -> np.ndarray:
    """All ordered configurations, by trying everything; silence is the last choice."""
    rows = []
    for row in product(range(choices), repeat=voices):
        sung = [choice for choice in row if choice < choices - 1]
        if sung == sorted(set(sung), reverse=True):
            rows.append(row)
    return np.array(rows)


def costs(frames: int, voices: int, choices: int, seed: int = 0) -> np.ndarray:
    cost = np.random.default_rng(seed).normal(0, 2, (frames, voices, choices))
    cost[..., -1] = 0.0
    return cost


@pytest.mark.parametrize("most", [1, 7, 50])
@pytest.mark.parametrize(("voices", "choices"), [(1, 4), (3, 5), (4, 4), (4, 3)])
def test_they_are_the_cheapest_of_all(voices: int, choices: int, most: int) -> None:
    cost = costs(20, voices, choices)
    every = ordered(voices, choices)
    rows, found = best_configurations(cost, most)
    for frame in range(len(cost)):
        expected = np.sort(cost[frame][np.arange(voices), every].sum(axis=1))[:most]
        there = np.isfinite(found[frame])
        np.testing.assert_allclose(np.sort(found[frame][there]), expected, atol=1e-9)
        of_rows = cost[frame][np.arange(voices), rows[frame][there]].sum(axis=1)
        np.testing.assert_allclose(of_rows, found[frame][there], atol=1e-9)
        assert len({tuple(row) for row in rows[frame][there]}) == there.sum()


def test_a_wide_beam_finds_the_cheapest_path_of_all() -> None:
    voices, choices, frames = 2, 3, 5
    cost = costs(frames, voices, choices)
    step = np.abs(np.random.default_rng(1).normal(0, 1, (frames, choices, choices)))
    every = ordered(voices, choices)
    path = beam_path(cost, step, most=100, beam=100)

    def paid(rows: np.ndarray) -> float:
        spent = sum(cost[t, v, rows[t, v]] for t in range(frames) for v in range(voices))
        moved = sum(step[t, rows[t - 1, v], rows[t, v]] for t in range(1, frames) for v in range(voices))
        return float(spent + moved)

    least = min(paid(every[list(way)]) for way in product(range(len(every)), repeat=frames))
    assert paid(path) == pytest.approx(least)


@pytest.mark.parametrize("voices", [9, 12])
def test_many_voices_keep_their_lines(voices: int) -> None:
    frames = 300
    time = np.arange(frames)
    truth = np.linspace(80, 40, voices)[:, None] + np.sin(time / 20 + np.arange(voices)[:, None])
    present = np.random.default_rng(0).random(truth.shape) < 0.9
    pitch = np.where(present, truth, np.inf).T
    order = np.argsort(pitch, axis=1)
    salience = np.where(np.isfinite(pitch), 0.8, 0.0)
    heard = Candidates(np.take_along_axis(pitch, order, 1), np.take_along_axis(salience, order, 1))
    found = assign_viterbi(heard, voices)
    assert found.shape == truth.shape
    assert np.mean((np.abs(found - truth) < 0.1)[present]) > 0.95


def test_ranges_are_spread_over_what_is_heard() -> None:
    pitch = np.tile(np.arange(40.0, 80.0), (10, 1))
    ranges = spread_ranges(pitch, np.full(pitch.shape, 0.9), 10)
    assert ranges.shape == (10, 1) and (np.diff(ranges[:, 0]) < 0).all()
    assert np.isfinite(spread_ranges(np.full((3, 2), np.inf), np.zeros((3, 2)), 9)).all()
