"""Whose track it is: the chains are summed up rightly, and say what sound and height say."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from vocsep.pitch import singer_posterior as module
from vocsep.pitch.envelopes import EVERY
from vocsep.pitch.singer_posterior import named_by_singers, singer_posterior

Array = NDArray[np.float64]

WINDOWS = 400
HEIGHTS = (67.0, 63.0, 58.0)


def lines(rests: int = 40) -> Array:
    """Three tracks that rest for a moment every so many windows, and go on at other heights."""
    rng = np.random.default_rng(5)
    notes = rng.normal(0, 1.0, (3, WINDOWS // rests))
    pitch = np.array(HEIGHTS)[:, None] + np.repeat(notes, rests * EVERY, axis=1)
    pitch.reshape(3, -1, rests * EVERY)[:, :, : 2 * EVERY] = np.nan
    return pitch


def sounds(singers: Array, apart: float = 2.0) -> Array:
    """Cepstra of tracks ``(tracks, windows)`` that are sung by these singers."""
    rng = np.random.default_rng(6)
    own = apart * rng.normal(size=(3, 13))
    return np.asarray(own[singers] + rng.normal(size=(*singers.shape, 13)))


def heard(pitch: Array) -> NDArray[np.bool_]:
    return np.isfinite(pitch[:, ::EVERY])


ALL_OWN = np.repeat(np.arange(3)[:, None], WINDOWS, axis=1)


def test_every_track_is_somebodys_and_everybody_is_somewhere() -> None:
    pitch = lines()
    posterior = singer_posterior(pitch, sounds(ALL_OWN, 0.3), heard(pitch))
    assert posterior.shape == (3, 3, WINDOWS) and (posterior > 0).all()
    np.testing.assert_allclose(posterior.sum(axis=0), 1, atol=1e-2)
    np.testing.assert_allclose(posterior.sum(axis=1), 1, atol=1e-6)


def test_the_chain_is_summed_over_all_its_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BALANCED", 0)
    rng = np.random.default_rng(7)
    windows = 5
    evidence, changes = rng.normal(size=(3, 3, windows)), rng.uniform(0, 0.3, (windows, 3, 3))
    changes *= 1 - np.eye(3)
    prior = rng.dirichlet(np.ones(3), size=3)
    found = module._chained(evidence, changes, prior)
    for singer in range(3):
        total = np.zeros((3, windows))
        for path in product(range(3), repeat=windows):
            weight = prior[singer, path[0]] * np.exp(evidence[singer, path, range(windows)].sum())
            for window in range(1, windows):
                before, here = path[window - 1 : window + 1]
                step = changes[window, before] * prior[singer]
                weight *= 1 - step.sum() if here == before else step[here]
            total[path, range(windows)] += weight
        np.testing.assert_allclose(found[singer], total / total.sum(axis=0), rtol=1e-5)


def test_who_sounds_as_always_is_on_the_own_track() -> None:
    pitch = lines()
    posterior = singer_posterior(pitch, sounds(ALL_OWN), heard(pitch))
    assert posterior[range(3), range(3)].min() > 0.8
    assert named_by_singers(pitch, posterior) is pitch


def test_two_who_have_changed_tracks_are_told_by_their_sound() -> None:
    pitch, who = lines(), ALL_OWN.copy()
    who[:2, 200:320] = who[1::-1, 200:320]
    posterior = singer_posterior(pitch, sounds(who), heard(pitch))
    assert posterior[0, 1, 210:310].min() > 0.7 and posterior[1, 0, 210:310].min() > 0.7
    assert posterior[0, 0, 20:180].min() > 0.7 and posterior[2, 2].min() > 0.7
    named = named_by_singers(pitch, posterior)
    inside, before = slice(210 * EVERY, 310 * EVERY), slice(180 * EVERY)
    np.testing.assert_array_equal(named[:, inside], pitch[[1, 0, 2], inside])
    np.testing.assert_array_equal(named[:, before], pitch[:, before])


def test_who_moved_up_where_another_rested_is_told_by_the_sound() -> None:
    """The third singer on the second track, which the second one does not need."""
    pitch, who = lines(), ALL_OWN.copy()
    pitch[1, 200 * EVERY : 300 * EVERY] = pitch[2, 200 * EVERY : 300 * EVERY]
    pitch[2, 200 * EVERY : 300 * EVERY] = np.nan
    who[1, 200:300] = 2
    posterior = singer_posterior(pitch, sounds(who), heard(pitch))
    assert posterior[2, 1, 210:290].mean() > max(0.5, posterior[1, 1, 210:290].mean())


def test_alike_singers_are_told_by_height_alone_and_so_far_less_surely() -> None:
    pitch = lines()
    pitch[1] += 2.5
    alike = singer_posterior(pitch, sounds(np.zeros_like(ALL_OWN)), heard(pitch))
    apart = singer_posterior(pitch, sounds(ALL_OWN), heard(pitch))
    own = (range(3), range(3))
    assert alike[own].mean() < apart[own].mean() - 0.03
    far = pitch + 12 * np.array([[1], [0], [-1]])
    assert singer_posterior(far, sounds(np.zeros_like(ALL_OWN)), heard(pitch))[own].mean() > 0.97


def test_nobody_changes_tracks_amid_notes() -> None:
    """A sound that changes for a moment, while both lines go on far from each other, is a vowel."""
    held = np.repeat(np.array(HEIGHTS)[:, None], WINDOWS * EVERY, axis=1)
    who = ALL_OWN.copy()
    who[:2, 200:206] = who[1::-1, 200:206]
    posterior = singer_posterior(held, sounds(who, 0.6), heard(held))
    assert posterior[range(3), range(3)].min() > 0.5


def test_many_singers_are_named_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    pitch = lines()
    posterior = np.moveaxis(np.random.default_rng(9).dirichlet(np.ones(3), (WINDOWS, 3)), 0, -1)
    few = named_by_singers(pitch, posterior)
    monkeypatch.setattr(module, "LISTED", 2)
    np.testing.assert_array_equal(named_by_singers(pitch, posterior), few)


def test_silent_voices_and_no_sound_at_all() -> None:
    pitch = lines()
    pitch[1] = np.nan
    posterior = singer_posterior(pitch, sounds(ALL_OWN), np.zeros((3, WINDOWS), dtype=np.bool_))
    assert np.isfinite(posterior).all()
    nobody = np.full_like(pitch, np.nan)
    assert named_by_singers(nobody, singer_posterior(nobody, sounds(ALL_OWN), heard(nobody))) is nobody
