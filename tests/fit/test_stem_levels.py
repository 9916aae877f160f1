"""How loud stems are in a mixture: exact where they are in it, nothing where they are not."""

import numpy as np
import pytest

from vocsep.fit.stem_levels import BLOCK, gains_in_mixture, length_that_fits
from vocsep.spectra import SAMPLE_RATE

SAMPLES = BLOCK + 4 * SAMPLE_RATE  # more than one block


@pytest.fixture(scope="module")
def stems() -> np.ndarray:
    """Three voices that share nothing, ``(3, samples)``."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((3, SAMPLES)).astype(np.float32) * np.array([[0.1], [0.2], [0.05]], np.float32)


def test_gains_of_all_stems_are_exact(stems: np.ndarray) -> None:
    gains = np.array([0.5, 1.0, 2.0])
    mixture = (gains[:, None] * stems).sum(axis=0).astype(np.float32)
    assert gains_in_mixture(mixture, list(stems)) == pytest.approx(gains, rel=1e-4)


def test_what_lacks_does_not_disturb(stems: np.ndarray) -> None:
    mixture = 1.5 * stems.sum(axis=0)
    assert gains_in_mixture(mixture, [stems[0], stems[1][: SAMPLES // 2]]) == pytest.approx(
        [1.5, 1.5], rel=0.02
    )


def test_a_stem_from_elsewhere_or_later_is_not_in_the_mixture(stems: np.ndarray) -> None:
    mixture = stems[0] + stems[1]
    late = np.roll(stems[1], 400)
    gains = gains_in_mixture(mixture, [stems[0], late, stems[2]])
    assert gains[0] == pytest.approx(1.0, rel=0.01)
    assert gains[1:] == [0.0, 0.0]


def test_a_stem_upside_down_is_not_in_the_mixture(stems: np.ndarray) -> None:
    assert gains_in_mixture(stems[0], [-stems[0]]) == [0.0]


def test_silence_has_no_gain(stems: np.ndarray) -> None:
    assert gains_in_mixture(np.zeros(100, np.float32), [stems[0]]) == [0.0]
    assert gains_in_mixture(stems[0], [np.zeros(100, np.float32), stems[0]]) == pytest.approx([0.0, 1.0])


def test_lengths_that_cannot_belong_together_are_named() -> None:
    whole = 10 * SAMPLE_RATE
    assert [
        length_that_fits(round(s * SAMPLE_RATE), whole) is None for s in (4.9, 5.0, 10.0, 10.5, 10.6)
    ] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert length_that_fits(whole // 4, whole) == "is 2.5 s long, its song 10.0 s"
