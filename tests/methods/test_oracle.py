"""Oracle methods and the stems they know: masks, lengths, rates, chunks, refusals."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch
from tiny import refused, tiny_models

from vocsep.errors import AudioError, SettingsError
from vocsep.evaluation.si_sdr import si_sdr
from vocsep.methods.oracle import Kind, OracleMasks, oracle_shares, oracle_stems
from vocsep.methods.references import ReferenceStems
from vocsep.separation import chunk_stems as module
from vocsep.separation.chunks import plan_chunks
from vocsep.separation.separator import Separator
from vocsep.singers.quartet import sing_quartet
from vocsep.spectra import SAMPLE_RATE

SECONDS = 6.0


@pytest.fixture(scope="module")
def stems() -> np.ndarray:
    return sing_quartet(5, SECONDS, room=False).stems


@pytest.fixture(scope="module")
def folder(stems: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stems")
    for voice, stem in enumerate(stems, start=1):
        soundfile.write(folder / f"{voice}.wav", stem, SAMPLE_RATE, "FLOAT")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("kind", ["ratio", "power", "binary"])
def test_stems_are_those_of_the_masks_made_for_scores(
    weights: dict[str, Path], stems: np.ndarray, folder: Path, kind: Kind
) -> None:
    separator = Separator(**weights, device="cpu", method=f"oracle-{kind}", stems=folder)
    found = separator.separate(stems.sum(axis=0), SAMPLE_RATE)
    wanted = oracle_stems(stems, kind)  # by other ways: whole, and from stems that were never files
    assert np.square(found.stems - wanted).sum() < 1e-5 * np.square(wanted).sum()
    assert found.parameters is None and found.synthesised is None
    assert not found.tracks.voiced.any() and found.warnings == []


def test_binary_masks_give_each_bin_to_the_loudest() -> None:
    powers = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0))
    masks = oracle_shares(powers, "binary")
    assert torch.equal(masks.sum(dim=0), torch.ones(5, 7))
    assert torch.equal((masks * powers).sum(dim=0), powers.amax(dim=0))
    for kind, exponent in (("ratio", 0.5), ("power", 1.0)):
        torch.testing.assert_close(
            oracle_shares(powers, kind), powers**exponent / (powers**exponent).sum(dim=0)
        )


def test_chunks_and_spans_know_where_they_are(
    weights: dict[str, Path],
    stems: np.ndarray,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A later chunk, or a recording cut at its start, must get the masks of its own time."""
    monkeypatch.setattr(module, "plan_chunks", partial(plan_chunks, length=2))
    separator = Separator(**weights, device="cpu", method="oracle-binary", stems=folder)
    soundfile.write(tmp_path / "mix.wav", stems.sum(axis=0), SAMPLE_RATE, "FLOAT")
    for start in (0.0, 2.7):
        report = separator.separate_file(tmp_path / "mix.wav", tmp_path / f"{start}", start=start)
        heard = np.stack([soundfile.read(path)[0] for path in report.stems])
        true = stems[:, round(start * SAMPLE_RATE) :]
        np.testing.assert_allclose(heard.sum(axis=0), true.sum(axis=0), atol=2e-6)
        assert (si_sdr(true, heard) > 8).all()


def test_stems_of_other_rates_channels_and_lengths_serve(stems: np.ndarray, tmp_path: Path) -> None:
    for voice, (stem, rate) in enumerate(zip(stems, (8_000, 22_050, 44_100, 48_000), strict=True)):
        audio = soxr.resample(stem[: len(stem) - 300 * voice], SAMPLE_RATE, rate)
        soundfile.write(tmp_path / f"{voice}.wav", np.stack([audio] * 2, axis=1), rate, "FLOAT")
    references = ReferenceStems(tmp_path)
    references.check(SECONDS, 4)
    first, samples = 30_000, stems.shape[1] - 30_000
    read = references.read(first, samples).numpy()
    for voice, (stem, ours) in enumerate(zip(stems, read, strict=True)):
        inner = slice(400, samples - 300 * voice - 400)
        low = soxr.resample(soxr.resample(stem, SAMPLE_RATE, 8_000), 8_000, SAMPLE_RATE)[: len(stem)]
        true = (low if voice == 0 else stem)[first:]
        error = np.square(ours[inner] - true[inner]).sum()  # of up to half a sample of shift
        assert error < 1e-2 * np.square(true[inner]).sum()
        assert not ours[samples - 300 * voice + 10 :].any()
    assert not references.read(stems.shape[1] + 1_000, 500).any()


def test_estimates_are_on_the_device_and_grid_of_the_mixture(folder: Path) -> None:
    references = ReferenceStems(folder)
    found = OracleMasks(references, "power")(torch.zeros(4_000), torch.zeros(4, 16), first=160)
    assert found.masks.shape == (4, 1025, 16) and found.energy.shape == (2, 4, 16)


def test_stems_that_do_not_fit_are_refused(
    weights: dict[str, Path], stems: np.ndarray, folder: Path, tmp_path: Path
) -> None:
    separator = Separator(**weights, device="cpu", method="oracle-power", stems=folder)
    mixture = stems.sum(axis=0)
    refused(SettingsError, lambda: separator.separate(mixture, SAMPLE_RATE, 3), "4 recordings", "3 voices")
    whole, cut = (f"{samples / SAMPLE_RATE:.3f} s" for samples in (len(mixture), len(mixture) - 4_000))
    refused(AudioError, lambda: separator.separate(mixture[:-4_000], SAMPLE_RATE), "1.wav", whole, cut)
    soundfile.write(tmp_path / "mix.wav", mixture[: 3 * SAMPLE_RATE], SAMPLE_RATE)
    refused(AudioError, lambda: separator.separate_file(tmp_path / "mix.wav", tmp_path / "out"), "3.000")
    assert not (tmp_path / "out").exists()
    oracle = partial(Separator, **weights, method="oracle-ratio")
    refused(SettingsError, oracle, "oracle-ratio", "--stems")
    refused(SettingsError, lambda: oracle(stems=tmp_path / "mix.wav"), "mix.wav", "folder")
    refused(AudioError, lambda: oracle(stems=tmp_path / "none"), "none")
    refused(SettingsError, lambda: Separator(**weights, method="comb", stems=folder), "comb", "oracle")
