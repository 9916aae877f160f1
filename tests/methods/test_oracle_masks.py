"""Oracle masks against scipy, and the figures that were measured on real singers."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from vocsep.evaluation.multi_f0 import multipitch_scores
from vocsep.evaluation.seconds import mean_and_median
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.methods.oracle import Kind, oracle_stems
from vocsep.pitch.tracks import F0Tracks


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("samples", [8192, 8200])
def test_oracle_stems_add_up_to_the_mixture(samples: int, generator: np.random.Generator) -> None:
    stems = generator.normal(size=(3, samples)).astype(np.float32)
    stems[2] = 0
    kinds: tuple[Kind, ...] = ("ratio", "power", "binary")
    for kind in kinds:
        np.testing.assert_allclose(oracle_stems(stems, kind).sum(axis=0), stems.sum(axis=0), atol=1e-5)


def test_oracle_stems_agree_with_scipy(generator: np.random.Generator) -> None:
    stems = generator.normal(size=(2, 16_384))
    padded = np.pad(stems, ((0, 0), (2048, 2048)))
    transform = scipy.signal.ShortTimeFFT(scipy.signal.windows.hann(2048, sym=False), hop=256, fs=1)
    spectra = transform.stft(padded)
    masks = np.abs(spectra) ** 2 / np.sum(np.abs(spectra) ** 2, axis=0).clip(1e-12)
    expected = transform.istft(masks * spectra.sum(axis=0), k1=padded.shape[-1])[:, 2048:-2048]
    inside = slice(2048, -2048)  # scipy also has frames centred beyond the ends
    np.testing.assert_allclose(oracle_stems(stems, "power")[:, inside], expected[:, inside], atol=1e-4)


@pytest.mark.real
def test_the_measured_figures_of_the_real_quartet_come_out() -> None:
    folder = Path(os.environ.get("VOCSEP_DATA", "none")) / "csd_nino_dios" / "singers_1"
    if not folder.is_dir():
        pytest.skip("VOCSEP_DATA does not name a folder with csd_nino_dios/singers_1")
    paths = sorted((folder / "stems").iterdir())
    stems = np.stack([soundfile.read(path, frames=48 * 16_000, dtype="float32")[0] for path in paths])
    mixture = np.broadcast_to(stems.sum(axis=0), stems.shape)
    assert -7 < mean_and_median(si_sdr_per_second(stems, mixture, 16_000))[0] < -5
    assert 10 < mean_and_median(si_sdr_per_second(stems, oracle_stems(stems, "power"), 16_000))[0] < 12.5
    reference = F0Tracks.read_csv(folder / "f0_of_stems.csv", voices=4)
    scores = multipitch_scores(reference, F0Tracks.read_csv(folder / "f0_published_estimator.csv"))
    np.testing.assert_allclose((scores.precision, scores.recall, scores.f), (0.92, 0.80, 0.86), atol=0.005)
