"""Bars that the score lacks: parts keep their places, cross, and meet; the path is the cheapest of all."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from vocsep.pitch.candidates import Candidates, log_odds
from vocsep.transcription.off_score import BONUS, GLIDE, HOME, LEAP, TURN, UNISON, sung_off_score

Array = NDArray[np.float64]


def heard(*lines: Array) -> Candidates:
    order = np.sort(np.stack(lines), axis=0).T
    return Candidates(order, np.where(np.isfinite(order), 0.95, 0.0))


def around(*lines: Array) -> Array:
    """The same notes written 20 frames before and after, and nothing between."""
    written = np.stack(lines)
    written[:, 20:-20] = np.nan
    return written


def test_parts_that_cross_are_followed() -> None:
    steps = np.repeat([60.0, 60, 62, 64, 65, 67, 67], 20)
    rising, falling = steps, steps[::-1].copy()
    found = sung_off_score(heard(rising, falling), around(rising, falling), 20, 120, np.array([63.0, 63.0]))
    np.testing.assert_array_equal(found, np.stack((rising, falling))[:, 20:120])


def test_parts_keep_their_places_where_nothing_is_written_beside() -> None:
    high, low = np.full(100, 70.0), np.full(100, 50.0)
    found = sung_off_score(heard(high, low), np.full((2, 100), np.nan), 0, 100, np.array([52.0, 71.0]))
    np.testing.assert_array_equal(found, np.stack((low, high)))


def test_two_parts_may_sing_one_candidate() -> None:
    high = np.repeat([69.0, 67, 64], [30, 40, 30])
    low = np.full(100, 64.0)
    only = Candidates(np.stack((low, np.where(high > low, high, np.inf)), axis=1), np.full((100, 2), 0.95))
    found = sung_off_score(only, around(high, low), 20, 80, np.array([67.0, 64.0]))
    np.testing.assert_array_equal(found, np.stack((high, low))[:, 20:80])


def test_a_voice_that_nobody_hears_is_silent() -> None:
    nothing = Candidates(np.full((40, 3), np.inf), np.zeros((40, 3)))
    assert np.isnan(sung_off_score(nothing, np.full((2, 40), np.nan), 0, 40, np.array([60.0, 50.0]))).all()


def path_cost(path: Array, candidates: Candidates, home: Array) -> float:
    """Nats of pitches ``(parts, frames)``, NaN = silent, summed as the module says."""
    total = 0.0
    for frame, sung in enumerate(path.T):
        for pitch, salience in zip(candidates.pitch[frame], candidates.salience[frame], strict=True):
            singers = int((sung == pitch).sum())
            if singers:
                total -= float(log_odds(np.array(salience))) + BONUS + UNISON * (singers - 1)
        total += HOME * float(np.nansum((sung - home) ** 2))
    for before, after in zip(path.T[:-1], path.T[1:], strict=True):
        for one, other in zip(before, after, strict=True):
            if np.isnan(one) != np.isnan(other):
                total += TURN
            elif not np.isnan(one):
                total += min(GLIDE * abs(one - other), LEAP)
    return total


@pytest.mark.parametrize("seed", range(4))
def test_the_path_is_the_cheapest_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames, home = 3, np.array([64.0, 58.0])
    pitch = np.sort(rng.uniform(55, 68, (frames, 2)), axis=1)
    candidates = Candidates(pitch, rng.uniform(0.05, 0.9, (frames, 2)))
    found = sung_off_score(candidates, np.full((2, frames), np.nan), 0, frames, home)
    choices = [[*row, np.nan] for row in pitch]
    lines = list(product(*choices))
    costs = {pair: path_cost(np.array(pair), candidates, home) for pair in product(lines, lines)}
    assert path_cost(found, candidates, home) == pytest.approx(min(costs.values()))


def test_many_parts_have_fewer_choices() -> None:
    lines = [np.full(30, 80.0 - 4 * part) for part in range(12)]
    written = np.stack(lines)
    written[:, 10:20] = np.nan
    found = sung_off_score(heard(*lines), written, 10, 20, written[:, 0])
    np.testing.assert_array_equal(found, np.stack(lines)[:, 10:20])
