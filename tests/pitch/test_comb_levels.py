"""Levels of partials: those that were sung, whoever else is silent."""

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.comb_levels import EVERY, PARTIALS, TOP, fitted_levels
from vocsep.pitch.combs_apart import combs_apart
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

FRAMES = 60
PITCH = np.array([[69.0] * FRAMES, [57.3] * FRAMES])
SLOPES = (6.0, 9.0)  # dB a doubling


def voice(number: int) -> Array:
    time = np.arange(FRAMES * HOP) / SAMPLE_RATE
    hertz = 440 * 2 ** ((PITCH[number, 0] - 69) / 12)
    partials = np.arange(1, min(PARTIALS, int(TOP / hertz)) + 1)
    levels = -20 - SLOPES[number] * np.log2(partials)
    return np.asarray(
        (10 ** (levels / 20) * np.sqrt(2) * np.cos(2 * np.pi * hertz * partials * time[:, None])).sum(axis=1)
    )


def mixture() -> NDArray[np.float32]:
    return np.asarray(voice(0) + voice(1), dtype=np.float32)


def inside(levels: Array) -> Array:
    return levels[10 // EVERY : -10 // EVERY]


def test_levels_are_those_of_the_partials() -> None:
    levels, sure = (inside(table) for table in fitted_levels(mixture(), PITCH))
    for number in (0, 1):
        count = np.isfinite(levels[0, number]).sum()
        assert count == min(PARTIALS, int(TOP / (440 * 2 ** ((PITCH[number, 0] - 69) / 12))))
        told = -20 - SLOPES[number] * np.log2(np.arange(1, count + 1))
        certain = sure[:, number, :count] > 0.9
        assert certain.mean() > 0.5
        assert np.abs(levels[:, number, :count] - told)[certain].max() < 1.0


def test_a_silent_track_changes_nothing() -> None:
    alone = fitted_levels(mixture(), PITCH)
    three = fitted_levels(mixture(), np.vstack((PITCH[:1], np.full((1, FRAMES), np.nan), PITCH[1:])))
    for table, more in zip(alone, three, strict=True):
        np.testing.assert_allclose(more[:, [0, 2]], table, atol=1e-3)
    assert np.isnan(three[0][:, 1]).all()
    assert not three[1][:, 1].any()


def test_nobody_has_no_levels() -> None:
    nobody = np.full((2, FRAMES), np.nan)
    levels, sure = fitted_levels(mixture(), nobody)
    assert np.isnan(levels).all()
    assert not sure.any()
    assert not combs_apart(mixture(), nobody, np.ones(FRAMES, dtype=np.bool_)).any()


def test_combs_apart_are_the_voices() -> None:
    apart = combs_apart(mixture(), PITCH, np.ones(FRAMES, dtype=np.bool_)).double().numpy()  # below 4 kHz
    own = slice(12 * HOP, -12 * HOP)
    for number in (0, 1):
        left = apart[number, own] - voice(number)[own]
        assert np.square(left).mean() < 0.05 * np.square(voice(number)[own]).mean()
