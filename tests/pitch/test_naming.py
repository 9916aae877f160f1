"""Naming: singers who cross keep their names if they sound different; the order of height is the rule."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vocsep.pitch.comb_levels import PARTIALS, fitted_levels
from vocsep.pitch.duet_network import DuetEnsemble, DuetNetwork, DuetSettings, DuetView
from vocsep.pitch.duet_stretches import find_places
from vocsep.pitch.naming import (
    REFUTED,
    TOGETHER,
    best_signs,
    heard_duet,
    likelihood,
    name_voices,
    odds_against,
    shipped_network,
)
from vocsep.pitch.pair_contours import pair_contours
from vocsep.singers.meetings import sing_meeting
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]


def sung(pitch: Array, slope: float, gain: float) -> NDArray[np.float32]:
    """Harmonics of a track in semitones, falling by ``slope`` dB an octave; silent where NaN."""
    known = np.isfinite(pitch)
    frames = np.arange(len(pitch)) * HOP
    time = np.arange((len(pitch) - 1) * HOP + 1)
    semitones = np.interp(time, frames[known], pitch[known])
    f0 = 440 * 2 ** ((semitones - 69) / 12)
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    voice = np.zeros(len(time))
    for partial in range(1, 21):
        level = gain * 10 ** (-slope * np.log2(partial) / 20)
        voice += np.where(partial * f0 < 7000, level, 0.0) * np.sin(partial * phase)
    return (voice * np.interp(time, frames, known.astype(float))).astype(np.float32)


def crossing(seconds: float = 12.0) -> tuple[Array, Array]:
    """Two true lines that change places twice by steps and rest in between."""
    frames = round(seconds * SAMPLE_RATE / HOP)
    time = np.linspace(0, 1, frames)
    swing = 4 * np.cos(2 * np.pi * time)
    one, other = np.round(62 + swing) + 0.0, np.round(62 - swing) + 0.0
    rest = (np.arange(frames) % 90) < 6
    one[rest], other[rest] = np.nan, np.nan
    return one, other


def ordered(*tracks: Array) -> Array:
    return np.sort(np.stack(tracks), axis=0)[::-1].copy()


def named_alone(audio: NDArray[np.float32], pitch: Array) -> Array:
    """Named tracks whose contours were not found together anywhere."""
    return name_voices(audio, pitch, np.full(pitch.shape[1], np.inf))


def test_singers_who_cross_keep_their_names_if_they_sound_different() -> None:
    one, other = crossing()
    audio = sung(one, 3.0, 0.05) + sung(other, 14.0, 0.2)
    named = named_alone(audio, ordered(one, other))
    apart = np.isfinite(one) & (np.abs(one - other) > 1)
    best = max(np.mean(named[row][apart] == one[apart]) for row in (0, 1))
    assert best > 0.95
    assert max(np.mean(ordered(one, other)[row][apart] == one[apart]) for row in (0, 1)) < 0.8


def test_contours_that_cross_in_a_unison_are_one_singer_each() -> None:
    """In order of height they would change places at every crossing."""
    frames = 260
    time = np.arange(frames) * HOP / SAMPLE_RATE
    unison = (np.arange(frames) > 80) & (np.arange(frames) < 180)
    truth = np.stack((np.where(unison, 60.0, 64.0), np.full(frames, 60.0)))
    truth += [[0.3], [0.35]] * np.sin(2 * np.pi * np.array([[5.2], [6.1]]) * time)
    audio = sung(truth[0], 3.0, 0.05) + sung(truth[1], 14.0, 0.2)
    lines = ordered(*truth)
    contours, exchange = pair_contours(torch.from_numpy(audio), lines, [(81, 180)])
    assert np.isfinite(exchange[81:180]).all() and np.isinf(exchange[:81]).all()
    np.testing.assert_array_equal(contours[:, :81], lines[:, :81])
    found = name_voices(audio, contours, exchange)
    right = [np.mean(np.abs(rows[:, unison] - truth[:, unison]) < 0.1) for rows in (found, lines)]
    assert right[0] > 0.9 > right[1] + 0.2


def test_who_cannot_be_told_apart_share_a_unison() -> None:
    """Two singers of one timbre whose notes are all near each other, with rests between: who is who in each
    is a guess, and both get the line between."""
    time = np.arange(280) * HOP / SAMPLE_RATE
    truth = 60 + 0.2 * np.array([[1.0], [-1.0]]) * np.sin(2 * np.pi * np.array([[5.2], [6.1]]) * time)
    truth[:, (np.arange(280) % 40) < 12] = np.nan
    lines = ordered(*truth)
    runs = [(first, first + 28) for first in range(12, 280, 40)]
    audio = sum(sung(track, 9.0, 0.1) for track in truth)
    contours, exchange = pair_contours(torch.from_numpy(np.asarray(audio)), lines, runs)
    found = name_voices(np.asarray(audio), contours, exchange)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(contours))
    same = found[0] == found[1]
    assert same.sum() > 0.3 * np.isfinite(truth[0]).sum()
    np.testing.assert_allclose(found[0, same], contours[:, same].mean(axis=0))


@pytest.mark.parametrize("seed", range(3))
def test_singers_who_stay_apart_keep_the_order_of_height(seed: int) -> None:
    song = sing_meeting(seed, 6.0, "octaves", room=False)
    pitch = 69 + 12 * np.log2(np.where(song.f0 > 0, song.f0, np.nan).astype(np.float64) / 440)
    np.testing.assert_array_equal(named_alone(song.mixture, pitch), pitch)


def test_in_every_frame_the_same_pitches_are_sung_as_before() -> None:
    one, other = crossing(6.0)
    pitch = ordered(one, other)
    named = named_alone(sung(one, 4.0, 0.1) + sung(other, 9.0, 0.1), pitch)
    np.testing.assert_array_equal(np.sort(named, axis=0), np.sort(pitch, axis=0))


def test_silence_is_left_alone() -> None:
    silent = np.full((2, 50), np.nan)
    assert named_alone(np.zeros(50 * HOP, np.float32), silent) is silent


@pytest.mark.parametrize("seed", range(4))
def test_the_signs_are_the_likeliest_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    means, keep = rng.normal(0, 2, (9, 3)), rng.normal(0, 1, 9)
    alike = means @ np.diag(rng.uniform(0.5, 2, 3)) @ means.T

    def likelihood(signs: NDArray[np.int64]) -> float:
        return float(signs @ alike @ signs + (keep[1:] * signs[1:] * signs[:-1]).sum()) / 2

    every = [np.array([1 - 2 * (number >> place & 1) for place in range(9)]) for number in range(512)]
    best = max(map(likelihood, every))
    found = likelihood(best_signs(alike, keep))
    assert found > 0.9 * best or best - likelihood(np.ones(9, dtype=np.int64)) < REFUTED[1]


@pytest.mark.parametrize("seed", range(3))
def test_odds_against_signs_are_those_of_all_runs_turned_over(seed: int) -> None:
    rng = np.random.default_rng(seed)
    means, keep, weight = rng.normal(0, 0.3, (7, 3)), rng.normal(0, 1, 7), rng.integers(1, 9, 7)
    alike, signs = means @ means.T, best_signs(means @ means.T, keep, 0.0)
    expected = np.zeros(7)
    for first in range(7):
        for last in range(first + 1, 8):
            turned, run = signs.copy(), np.arange(7)
            turned[first:last] *= -1
            inside = (run >= first) & (run < last)
            if last - first < 7:
                smaller = ~inside if 2 * weight[inside].sum() > weight.sum() else inside
                change = likelihood(turned, alike, keep) - likelihood(signs, alike, keep)
                expected[smaller] += np.exp(min(change, 0.0))
    np.testing.assert_allclose(odds_against(signs, alike, keep, weight), expected)


def test_the_order_of_height_stays_where_nothing_refutes_it() -> None:
    nothing = np.zeros((5, 5))
    assert best_signs(nothing, np.zeros(5)).tolist() == [1] * 5
    assert best_signs(nothing, np.array([0.0, -0.5, 3, -0.5, 3])).tolist() == [1] * 5
    assert best_signs(nothing, np.array([0.0, 9, -9, 9, 9])).tolist() == [-1, -1, 1, 1, 1]


def told(pitch: Array, levels: Array) -> tuple[Array, Array]:
    """What the shipped network says of tracks: how stretches agree, and odds that voices keep them."""
    view = heard_duet(pitch, levels, np.ones_like(levels), np.full(pitch.shape[1], np.inf))[1]
    with torch.inference_mode():
        alike, keep = shipped_network()(view)
    return alike.double().numpy(), keep.double().numpy()


def test_who_goes_on_at_one_pitch_keeps_his_voice() -> None:
    """One holds a note while the other leaps across it: the tracks in order of height both move, which they
    can do as well, but less likely."""
    pitch = np.stack((np.repeat([64.0, 68.0], 50), np.repeat([60.0, 64.0], 50)))
    crossed = pitch.copy()
    crossed[:, 50:] = pitch[::-1, 50:]
    odds = [told(tracks, np.full((50, 2, PARTIALS), -40.0))[1][1] for tracks in (pitch, crossed)]
    assert odds[0] < odds[1] - 0.5 and odds[1] > 0


def test_levels_that_are_alike_before_and_after_say_who_goes_on() -> None:
    pitch = np.stack((np.full(100, 64.0), np.full(100, 63.9)))
    pitch[:, 50:] += 3.0
    levels = np.full((50, 2, PARTIALS), -40.0)
    levels[:, 0, ::2], levels[:, 1, 1::2] = -60.0, -60.0
    changed = levels.copy()
    changed[25:] = levels[25:, ::-1]
    at = int(np.abs(find_places(pitch)[1:-1] - 50).argmin()) + 1
    kept, turned = (told(pitch, either)[1][at] for either in (levels, changed))
    assert kept > turned


@pytest.fixture(scope="module")
def view() -> DuetView:
    song = sing_meeting(3, 3.0, "crossing", room=False)
    pitch = 69 + 12 * np.log2(np.where(song.f0 > 0, song.f0, np.nan).astype(np.float64) / 440)
    return heard_duet(pitch, *fitted_levels(song.mixture, pitch), np.full(pitch.shape[1], np.inf))[1]


def test_an_ensemble_says_the_mean_of_its_members(view: DuetView) -> None:
    torch.manual_seed(0)
    ensemble = DuetEnsemble(DuetSettings(members=3)).eval()
    with torch.inference_mode():
        alike, keep = ensemble(view)
        said = [member(view) for member in ensemble.members]
    assert (said[0][1] - said[1][1]).abs().max() > 1e-3
    torch.testing.assert_close(alike, (said[0][0] + said[1][0] + said[2][0]) / 3)
    torch.testing.assert_close(keep, (said[0][1] + said[1][1] + said[2][1]) / 3)


def test_nothing_depends_on_which_track_is_called_the_first(view: DuetView) -> None:
    """Turned tracks agree as before, and voices keep them as before."""
    turned = DuetView(
        view.tracks.flip(1),
        -view.between,
        view.stretch,
        -view.height,
        view.frames,
        view.both,
        -view.alone,
        view.links.flip(1).flip(2),
    )
    network = DuetNetwork().eval()
    with torch.inference_mode():
        for one, other in zip(network(view), network(turned), strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("seed", range(3))
def test_signs_of_a_long_recording_are_found_part_by_part(seed: int) -> None:
    """Singers whose sounds are told with noise, in ten times as many stretches as are searched together."""
    rng = np.random.default_rng(seed)
    count = 10 * TOGETHER
    truth = np.where(rng.random(count) < 0.1, -1, 1).cumprod()
    heard = truth[:, None] * np.array([0.15, -0.1, 0.05]) + 0.1 * rng.standard_normal((count, 3))
    alike = heard @ heard.T
    keep = np.append(0.0, truth[1:] * truth[:-1] * 1.0) + rng.standard_normal(count)
    found = best_signs(alike, keep)
    assert max((found == truth).mean(), (found == -truth).mean()) > 0.95
    assert likelihood(found, alike, keep) >= likelihood(truth, alike, keep)
