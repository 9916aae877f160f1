"""Multi-F0 scores against mir_eval and their definitions."""

import mir_eval
import numpy as np
import pytest

from vocsep.evaluation.multi_f0 import multipitch_scores, voice_recall
from vocsep.pitch.tracks import F0Tracks

NAN = float("nan")


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_multipitch_scores_agree_with_the_metrics_of_mir_eval(generator: np.random.Generator) -> None:
    frequencies = generator.uniform(100, 800, (4, 200))
    frequencies[generator.random((4, 200)) < 0.2] = NAN
    reference = F0Tracks(frequencies)
    wrong = np.where(generator.random((4, 200)) < 0.3, generator.uniform(100, 800, (4, 200)), frequencies)
    estimate = F0Tracks(wrong[generator.permutation(4)])  # the assignment to voices does not count
    lists = [[f[np.isfinite(f)] for f in tracks.frequencies.T] for tracks in (reference, estimate)]
    expected = mir_eval.multipitch.metrics(reference.times, lists[0], estimate.times, lists[1])
    scores = multipitch_scores(reference, estimate)
    np.testing.assert_allclose((scores.precision, scores.recall, scores.accuracy), expected[:3], rtol=1e-12)
    assert scores.f == pytest.approx(2 / (1 / scores.precision + 1 / scores.recall))


def test_fifty_cents_are_the_border_and_missing_frames_count() -> None:
    reference = F0Tracks(np.full((1, 10), 440.0))
    near, far = (F0Tracks(np.full((1, 10), 440 * 2 ** (cents / 1200))) for cents in (49, 51))
    assert multipitch_scores(reference, near).f == 1
    assert multipitch_scores(reference, far).f == 0
    assert multipitch_scores(reference, near.slice(0, 4)).recall == 0.4
    assert multipitch_scores(reference.slice(0, 4), near).precision == 0.4


def test_voice_recall_asks_for_the_right_row() -> None:
    reference = F0Tracks([[400.0, 400.0, NAN, 400.0], [200.0, 200.0, 200.0, 200.0], [NAN] * 4])
    estimate = F0Tracks([[400.0, NAN, 400.0, 402.0], [200.0, 400.0, 200.0, 100.0], [NAN] * 4])
    np.testing.assert_allclose(voice_recall(reference, estimate), [2 / 3, 0.5, NAN])
    with pytest.raises(ValueError, match="3 voices, estimate 1"):
        voice_recall(reference, F0Tracks([[NAN] * 4]))
