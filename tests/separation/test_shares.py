"""Stems where it is not sure who sings."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import music, tiny_models

from vocsep.pitch.alternatives import EstimatedTracks
from vocsep.pitch.envelopes import EVERY
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation import separator as module
from vocsep.separation import shares as shares_module
from vocsep.separation.separator import Separator
from vocsep.separation.shares import LEAST, SPREAD, SingerShares, singer_shares
from vocsep.spectra import HOP, SAMPLE_RATE

WINDOW = EVERY * HOP  # samples
RATE = SAMPLE_RATE


def stems(samples: int, channels: int = 2) -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=(3, samples, channels)).astype(np.float32)


def shares(windows: int = 10, share: float = 0.25) -> SingerShares:
    """The first two exchange a share of theirs in the second half."""
    moved = np.zeros((3, 3, windows))
    moved[0, 1, windows // 2 :] = moved[1, 0, windows // 2 :] = share
    return SingerShares(moved)


def test_each_has_a_share_and_nothing_is_lost() -> None:
    given = stems(10 * WINDOW)
    mixed = shares().mixed(given, 0.0, RATE)
    np.testing.assert_allclose(mixed.sum(axis=0), given.sum(axis=0), atol=1e-5)
    np.testing.assert_array_equal(mixed[:, : 4 * WINDOW], given[:, : 4 * WINDOW])
    np.testing.assert_array_equal(mixed[2], given[2])
    late = slice(5 * WINDOW, None)
    np.testing.assert_allclose(mixed[0, late], 0.75 * given[0, late] + 0.25 * given[1, late], atol=1e-6)
    np.testing.assert_allclose(mixed[1, late], 0.75 * given[1, late] + 0.25 * given[0, late], atol=1e-6)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_parts_are_those_of_the_whole_at_any_rate(rate: int) -> None:
    given = stems(round(10 * WINDOW * rate / SAMPLE_RATE))
    whole, cut = shares().mixed(given, 0.0, rate), round(0.3 * rate)
    parts = [shares().mixed(given[:, :cut], 0.0, rate), shares().mixed(given[:, cut:], cut / rate, rate)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)


def test_shares_come_and_go_without_a_jump() -> None:
    ones = np.array([1.0, 0, 0], dtype=np.float32)[:, None, None] * np.ones((3, 10 * WINDOW, 1), np.float32)
    assert np.abs(np.diff(shares().mixed(ones, 0.0, RATE), axis=1)).max() < 1.5 * 0.25 / WINDOW


def test_what_is_sure_is_not_copied() -> None:
    given = stems(4 * WINDOW)
    assert shares().mixed(given, 0.0, RATE) is given
    assert shares(share=0.0).mixed(given, 0.0, RATE) is given
    assert shares().mixed(given[:, :0], 0.0, RATE).shape == (3, 0, 2)


def test_what_is_kept_stands_on_frames() -> None:
    kept = shares().kept(2, 10 * EVERY + 3)
    assert kept.shape == (3, 10 * EVERY + 1) and kept.dtype == np.float32
    np.testing.assert_allclose(kept[:2, 5 * EVERY - 2 :], 0.75)
    np.testing.assert_array_equal(kept[:, : 5 * EVERY - 2], 1)
    np.testing.assert_array_equal(kept[2], 1)


def test_remarks_name_who_may_be_who() -> None:
    (said,) = shares().remarks()
    assert said.startswith("voices 1 and 2 may have been taken for each other in 50 % of the time")
    assert shares(share=0.05).remarks() == []
    together = np.zeros((3, 3, 10), dtype=np.bool_)
    together[0, 1, 7:] = together[1, 0, 7:] = True
    (said,) = SingerShares(shares().moved, together).remarks()
    assert "in 20 % of the time" in said


def test_of_two_voices_nothing_is_shared() -> None:
    audio, tracks = music(2.0)
    assert singer_shares(audio, F0Tracks(tracks.frequencies[:2])) is None


def posterior_of(monkeypatch: pytest.MonkeyPatch, *rows: list[float]) -> None:
    """Let this be known of the singers, everywhere."""

    def known(pitch: NDArray[np.float64], *_: object) -> NDArray[np.float64]:
        return np.repeat(np.array(rows)[:, :, None], -(-pitch.shape[1] // EVERY), axis=2)

    monkeypatch.setattr(shares_module, "singer_posterior", known)


def test_shares_are_the_probabilities_of_singers(monkeypatch: pytest.MonkeyPatch) -> None:
    audio, tracks = music(2.0)
    posterior_of(monkeypatch, [0.6, 0.4, 0], [0.4 - LEAST / 2, 0.6, LEAST / 2], [LEAST / 2, 0, 1 - LEAST / 2])
    found = singer_shares(audio, F0Tracks(np.repeat([[440.0], [330.0], [220.0]], tracks.frames, axis=1)))
    assert found is not None
    np.testing.assert_allclose(found.moved[0, 1], 0.4)
    np.testing.assert_allclose(found.moved[1, 0], 0.4 - LEAST / 2)
    assert np.count_nonzero(found.moved.any(axis=2)) == 2  # little is not moved


def test_a_unison_that_lasts_is_spread_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    audio, tracks = music(4.0)
    posterior_of(monkeypatch, [1.0, 0, 0], [0, 1, 0], [0, 0, 1])
    rows = np.repeat([[440.0], [330.0], [220.0]], tracks.frames, axis=1)
    rows[1, 100:] = 440.0
    rows[2, 200:] = 440.0
    found = singer_shares(audio, F0Tracks(rows))
    assert found is not None
    kept = 1 - found.moved.sum(axis=0)
    np.testing.assert_array_equal(kept[:, :25], 1)
    np.testing.assert_allclose(kept[:2, 35:40], 1 - SPREAD / 2)
    np.testing.assert_allclose(kept[:, -5:], 1 - 2 * SPREAD / 3)
    assert (kept[0, 25] > kept[0, 28] > kept[0, 31]) and (kept[2, :50] == 1).all()
    np.testing.assert_allclose(found.moved, found.moved.swapaxes(0, 1), atol=0.2)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tiny_models(tmp_path_factory.mktemp("models"))


def test_a_separator_shares_doubt_about_what_it_estimated_alone(
    weights: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, tracks = music(3.0, channels=2)
    found = EstimatedTracks(tracks.frequencies, F0Tracks(np.zeros_like(tracks.frequencies)))
    monkeypatch.setattr(PitchEstimator, "estimate", lambda *_, **__: found)
    monkeypatch.setattr(module, "singer_shares", lambda *_: shares(47, 0.4))
    options = {"device": "cpu", "method": "comb"} | weights
    doubting, sure = Separator(**options), Separator(**options, share_doubt=False)
    own, shared = (one.separate(audio, SAMPLE_RATE) for one in (sure, doubting))
    np.testing.assert_allclose(shared.stems.sum(axis=0), audio, atol=2e-6)
    expected = shares(47, 0.4).mixed(own.stems, 0.0, SAMPLE_RATE)
    np.testing.assert_allclose(shared.stems, expected, atol=1e-6)
    assert np.abs(shared.stems - own.stems).max() > 1e-3
    assert [line for line in shared.warnings if "taken for each other" in line]
    assert not [line for line in own.warnings if "taken for each other" in line]
    assert np.nanmean(shared.confidence[0, 2]) < np.nanmean(own.confidence[0, 2])
    by_height = Separator(**options, assign="viterbi").separate(audio, SAMPLE_RATE)
    np.testing.assert_array_equal(by_height.stems, own.stems)
    given = doubting.separate(audio, SAMPLE_RATE, tracks=tracks)
    np.testing.assert_array_equal(given.stems, sure.separate(audio, SAMPLE_RATE, tracks=tracks).stems)
