"""CREPE: decoding by itself, the import of torchcrepe by a stand-in, the network where it is installed."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vocsep.errors import DependencyError
from vocsep.pitch import crepe
from vocsep.pitch.crepe import LOWEST_BIN, best_path, crepe_track, refined

needs_torchcrepe = pytest.mark.skipif(
    importlib.util.find_spec("torchcrepe") is None, reason="torchcrepe is not installed (extra [crepe])"
)


def bumps(bins: np.ndarray, height: float = 0.9) -> np.ndarray:
    """Activation ``(frames, 360)`` with a Gaussian of 25 cents around each bin, as in training."""
    return height * np.exp(-(((np.arange(360) - bins[:, None]) * 20 / 25) ** 2) / 2)


@pytest.fixture
def no_cache() -> Iterator[None]:
    for cached in (crepe._torchcrepe, crepe._network):
        cached.cache_clear()
    yield
    for cached in (crepe._torchcrepe, crepe._network):
        cached.cache_clear()


def test_a_glide_with_vibrato_is_followed_and_refined_within_a_cent() -> None:
    time = np.arange(300) * 0.016
    bins = 150 + 20 * time + 3 * np.sin(2 * np.pi * 6 * time)
    path = best_path(bumps(bins))
    assert np.max(np.abs(path - bins)) < 1.1
    cents = 1200 * np.log2(refined(bumps(bins), path) / LOWEST_BIN)
    np.testing.assert_allclose(cents, 20 * bins, atol=1.0)


def test_a_stronger_octave_for_a_few_frames_does_not_lead_the_path_astray() -> None:
    low, high = np.full(50, 120.0), np.full(50, 180.0)
    activation = bumps(low, 0.6)
    activation[20:23] = np.maximum(bumps(low, 0.4), bumps(high, 0.7))[20:23]
    assert np.argmax(activation[21]) == 180
    np.testing.assert_array_equal(best_path(activation), 120)


def test_a_new_note_an_octave_away_is_taken_at_once() -> None:
    bins = np.repeat([120.0, 180.0], 40)
    np.testing.assert_array_equal(best_path(bumps(bins)), bins)


def test_the_path_is_the_best_of_all_paths() -> None:
    activation = np.random.default_rng(0).uniform(0, 1, (4, 5))
    gain = np.log(activation + crepe.FLOOR)

    def value(path: tuple[int, ...]) -> float:
        steps = np.minimum(crepe.GLIDE * np.abs(np.diff(path)), crepe.LEAP)  # all five are within reach
        return float(gain[np.arange(4), path].sum() - steps.sum())

    every = [tuple(int(bin) for bin in index) for index in np.ndindex(5, 5, 5, 5)]
    assert value(tuple(best_path(activation))) == pytest.approx(max(map(value, every)))


def test_bin_frequencies_are_those_of_the_paper() -> None:
    # Bin 0 lies 1997.3794084376191 cents above 10 Hz: A4, 6551.318 cents above 10 Hz, is at bin 227.697.
    bins = np.array([227.697, 227.697 - 60])
    np.testing.assert_allclose(refined(bumps(bins), np.rint(bins).astype(int)), [440, 220], rtol=1e-4)


def test_without_torchcrepe_one_line_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, no_cache: None
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "torchcrepe", raising=False)
    with pytest.raises(DependencyError, match=r"pip install 'vocsep\[crepe\]'") as caught:
        crepe_track(np.zeros(1000, dtype=np.float32))
    assert "\n" not in str(caught.value)


def test_what_torchcrepe_imports_in_vain_is_neither_needed_nor_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_cache: None
) -> None:
    package = tmp_path / "torchcrepe"
    package.mkdir()
    (package / "__init__.py").write_text("import torchaudio, librosa\nfrom . import load\n")
    (package / "load.py").write_text("import resampy\nimport torchcrepe\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchcrepe", raising=False)
    before = set(sys.modules)
    assert Path(crepe._torchcrepe().__file__).parent == package
    assert set(sys.modules) == before
    (package / "load.py").write_text("import there_is_no_such_package\n")
    crepe._torchcrepe.cache_clear()
    importlib.invalidate_caches()
    with pytest.raises(DependencyError, match=r"cannot be loaded \(.*there_is_no_such_package"):
        crepe._torchcrepe()
    assert set(sys.modules) == before


@needs_torchcrepe
def test_a_sung_note_is_found_within_ten_cents_at_the_right_frames() -> None:
    time = np.arange(24_000) / 16_000
    f0 = 220 * 2 ** (0.4 * np.sin(2 * np.pi * 1.0 * time) / 12)
    phase = 2 * np.pi * np.cumsum(f0) / 16_000
    voice = np.sum([np.sin(k * phase) / k for k in range(1, 12)], axis=0) * 0.1
    voice[16_000:] = 0
    frequencies, periodicity = crepe_track(voice.astype(np.float32), "tiny")
    assert frequencies.shape == periodicity.shape == (24_000 // 256 + 1,)
    inside = slice(3, 60)
    apart = 1200 * np.log2(frequencies[inside] / f0[::256][inside])
    assert np.max(np.abs(apart)) < 25
    assert np.sqrt(np.mean(apart**2)) < 10
    assert np.isnan(frequencies[66:]).all()
