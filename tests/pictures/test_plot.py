"""Axes of matplotlib: round times, and the voices' names."""

import numpy as np
import pytest

from vocsep.pictures.plot import time_ticks
from vocsep.pitch.tracks import F0Tracks


@pytest.mark.parametrize("seconds", [0.4, 3.0, 7.0, 11.0, 16.0, 100.0, 620.0, 5000.0])
def test_a_time_that_stands_at_an_axis_is_the_time_of_its_place(seconds: float) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    axes = Figure(figsize=(9, 5)).add_subplot()
    tracks = F0Tracks(np.full((1, round(seconds * 62.5) + 1), 440.0), names=("alto",))
    assert tracks.plot(axes) is axes
    for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True):
        parts = [float(part) for part in label.get_text().split(":")]
        said = sum(part * 60**power for power, part in enumerate(reversed(parts)))
        assert said == pytest.approx(tick, abs=1e-6)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["alto"]


def test_ticks_are_round_and_few() -> None:
    assert time_ticks(0.0, 7.4, 8).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert time_ticks(61.0, 121.0, 8).tolist() == [70, 80, 90, 100, 110, 120]
    for seconds in (0.3, 4.0, 33.0, 601.0, 40_000.0):
        assert 2 <= len(time_ticks(0.0, seconds, 8)) <= 9
