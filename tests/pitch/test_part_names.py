"""Contours that were found together are exchanged where the recording says so, and nowhere else."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vocsep.pitch.part_names import name_parts
from vocsep.spectra import HOP

Array = NDArray[np.float64]

FRAMES, MEET, PLACE, END = 160, 60, 97, 130  # frames; on one note from MEET on, to END
WRITTEN = np.array([[57.0] * FRAMES, [64.0] * MEET + [57.0] * (FRAMES - MEET)])
NEVER = 90.0  # nats


def touching() -> Array:
    """Two tracks nearer to each other than singers can be told, from `MEET` on; they end together."""
    pitch = WRITTEN + np.array([[-0.06], [0.06]]) * np.cos(2 * np.pi * np.arange(FRAMES) / 25)
    pitch[:, END:] = np.nan
    return np.asarray(pitch)


def costs(at_place: float) -> Array:
    cost = np.full(FRAMES, np.inf)
    cost[MEET:END] = NEVER
    cost[PLACE] = at_place
    return cost


def silence() -> NDArray[np.float32]:
    return np.zeros(FRAMES * HOP, np.float32)  # no levels, which would say something, too


def test_they_are_exchanged_from_where_that_explains_more() -> None:
    pitch = touching()
    named = name_parts(silence(), pitch, WRITTEN, {(0, 1): costs(-12.0)})
    np.testing.assert_array_equal(named[:, :PLACE], pitch[:, :PLACE])
    np.testing.assert_array_equal(named[:, PLACE:], pitch[::-1, PLACE:])


@pytest.mark.parametrize("cost", [2.0, NEVER])
def test_they_stay_where_it_explains_less(cost: float) -> None:
    pitch = touching()
    np.testing.assert_array_equal(name_parts(silence(), pitch, WRITTEN, {(0, 1): costs(cost)}), pitch)
