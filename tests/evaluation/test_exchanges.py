"""Voices that are exchanged: counted for each pair, and found where they are."""

import numpy as np
import pytest

from vocsep.evaluation.exchanges import exchange_shares, exchanges
from vocsep.evaluation.pitch_scores import pitch_scores
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE

SECOND = SAMPLE_RATE / HOP  # frames


def glides(voices: int = 3, frames: int = 400) -> F0Tracks:
    """Voices at 400, 300, 200 ... Hz that move together, so none comes near another one."""
    rng = np.random.default_rng(3)
    bend = 2 ** (rng.normal(0, 0.1, frames).cumsum() / np.arange(1, frames + 1) / 12)
    return F0Tracks(np.stack([(400 - 100 * voice) * bend for voice in range(voices)]))


def swapped(truth: F0Tracks, first: int, last: int, one: int = 0, other: int = 1) -> F0Tracks:
    rows = truth.frequencies.copy()
    rows[[one, other], first:last] = rows[[other, one], first:last]
    return F0Tracks(rows)


def test_the_truth_exchanges_nobody() -> None:
    truth = glides()
    assert exchanges(truth, truth) == []
    assert not exchange_shares(truth, truth).any()


def test_a_swap_is_found_where_it_is() -> None:
    truth = glides()
    (found,) = exchanges(truth, swapped(truth, 100, 200, 0, 2))
    assert found.voices == (1, 3)
    assert (found.start, found.end) == pytest.approx((100 / SECOND, 200 / SECOND))
    assert found.shares == (1.0, 1.0)


def test_shares_count_each_frame_of_each_pair() -> None:
    truth = glides()
    shares = exchange_shares(truth, swapped(truth, 100, 200, 0, 2))
    expected = np.zeros((3, 3))
    expected[0, 2] = expected[2, 0] = 100 / 400
    np.testing.assert_allclose(shares, expected)


def test_shares_of_a_voice_are_those_of_the_pitch_scores() -> None:
    """Where no two true voices are near each other, a voice's shares add up to its share of other voices."""
    truth = glides()
    rng = np.random.default_rng(4)
    order = np.argsort(rng.random((3, 400)), axis=0)
    guess = np.take_along_axis(truth.frequencies, order, axis=0)
    guess[rng.random(guess.shape) < 0.2] = np.nan
    estimate = F0Tracks(guess)
    expected = [voice.other_voice for voice in pitch_scores(truth, estimate).voices]
    np.testing.assert_allclose(exchange_shares(truth, estimate).sum(axis=1), expected)


def test_a_voice_that_follows_another_is_exchanged_one_way() -> None:
    truth = glides()
    rows = truth.frequencies.copy()
    rows[0, 100:200] = rows[1, 100:200]
    (found,) = exchanges(truth, F0Tracks(rows))
    assert found.voices == (1, 2)
    assert found.shares == (1.0, 0.0)
    shares = exchange_shares(truth, F0Tracks(rows))
    assert shares[0, 1] == pytest.approx(0.25)
    assert shares[1, 0] == 0.0


def test_short_swaps_are_counted_but_not_listed() -> None:
    truth = glides()
    estimate = swapped(truth, 100, 100 + int(0.3 * SECOND))
    assert exchanges(truth, estimate) == []
    assert exchange_shares(truth, estimate)[0, 1] > 0
    assert len(exchanges(truth, swapped(truth, 100, 102 + int(0.3 * SECOND)))) == 1


@pytest.mark.parametrize(("silence", "stretches"), [(0.28, 1), (0.4, 2)])
def test_interruptions_are_bridged_up_to_their_bound(silence: float, stretches: int) -> None:
    truth = glides()
    rows = swapped(truth, 100, 200).frequencies.copy()
    rows[:, 150 : 150 + int(silence * SECOND)] = np.nan
    assert len(exchanges(truth, F0Tracks(rows))) == stretches


def test_scattered_frames_are_no_stretch() -> None:
    truth = glides()
    rows = truth.frequencies.copy()
    rows[0, 100:300:15] = rows[1, 100:300:15]  # one frame in 0.24 s: bridged, but 0.2 s in all
    assert exchanges(truth, F0Tracks(rows)) == []


def test_unison_is_no_exchange() -> None:
    truth = F0Tracks(np.full((2, 100), 220.0))
    assert exchanges(truth, truth) == []


def test_rows_may_be_matched_by_others() -> None:
    truth = glides(2)
    turned = F0Tracks(truth.frequencies[::-1])
    assert exchanges(truth, turned, [1, 0]) == []
    (found,) = exchanges(truth, turned)
    assert (found.start, found.end) == pytest.approx((0.0, 400 / SECOND))


def test_a_voice_without_a_row_or_after_the_end_is_silent() -> None:
    truth = glides(2)
    assert exchanges(truth, truth, [None, 1]) == []
    short = swapped(truth, 0, 400).slice(0, 50)
    (found,) = exchanges(truth, short)
    assert found.end == pytest.approx(50 / SECOND)


def test_a_voice_that_never_sings_has_no_shares() -> None:
    truth = F0Tracks([[440.0, 440.0], [0.0, 0.0]])
    shares = exchange_shares(truth, F0Tracks([[440.0, 440.0], [440.0, 440.0]]))
    assert shares[0].tolist() == [0.0, 0.0]
    assert np.isnan(shares[1]).all()


def test_as_many_rows_as_voices() -> None:
    with pytest.raises(ValueError, match="3 voices, 2 rows"):
        exchanges(glides(3), glides(2))
