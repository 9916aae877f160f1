"""Every method by its name: what all of them must hold to, whatever they do inside."""

import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
import torch
from tiny import music, refused, tiny_models, tiny_unet

from vocsep.errors import ModelError, SettingsError
from vocsep.filtering.postfilter import PostfilterNetwork
from vocsep.filtering.wiener import wiener_filter
from vocsep.methods import registry
from vocsep.methods.protocol import (
    Excerpt,
    Method,
    Progress,
    SeparationMethod,
    SourceEstimate,
    estimate_from_masks,
)
from vocsep.methods.registry import METHODS, build_method
from vocsep.methods.settings import MethodSettings
from vocsep.model import shipped_model
from vocsep.separation import chunk_stems as module
from vocsep.separation.chunks import plan_chunks
from vocsep.separation.separator import Separator
from vocsep.source.powers import mask_frequencies
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, frame_count
from vocsep.training.postfilter import save_postfilter

SUNG = ("source-filter", "levels", "comb")  # methods with a source model


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stems for the oracles: each a part of the mixture of three voices."""
    folder = tmp_path_factory.mktemp("stems")
    audio, _ = music(2.5, 22_050)
    for voice in range(3):
        soundfile.write(folder / f"{voice}.wav", np.roll(audio, 1_000 * voice), 22_050)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {**tiny_models(folder), "unet": tiny_unet(folder)}


def separator(
    method: str, weights: dict[str, Path], stems: Path, device: str = "cpu", adapt: int = 2
) -> Separator:
    known = stems if method.startswith("oracle-") else None
    model, pitch_model = weights["unet" if method == "unet" else "model"], weights["pitch_model"]
    return Separator(model, pitch_model=pitch_model, device=device, method=method, adapt=adapt, stems=known)


@pytest.mark.parametrize("method", METHODS)
def test_an_estimate_stands_on_the_grid_that_it_names(
    method: str, weights: dict[str, Path], stems: Path
) -> None:
    audio, tracks = music(0.5)
    estimate = separator(method, weights, stems).method.estimate
    told: list[float] = []
    found = estimate(torch.from_numpy(audio), tracks.as_input(), first=800, progress=told.append)
    bins, frames = found.fft_size // 2 + 1, frame_count(len(audio), found.hop)
    assert HOP % found.hop == 0 and found.masks.shape == (3, bins, frames)
    assert found.powers is None or found.powers.shape == found.masks.shape
    assert found.energy.shape == (2, 3, frame_count(len(audio)))
    torch.testing.assert_close(found.masks.sum(dim=0), torch.ones(bins, frames))
    assert found.masks.min() >= 0
    assert (found.synthesised() is not None) == (found.parameters is not None) == (method in SUNG)
    assert told == sorted(told)


@pytest.mark.parametrize("method", METHODS)
def test_stems_of_chunks_at_another_rate_add_up(
    method: str, weights: dict[str, Path], stems: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "plan_chunks", partial(plan_chunks, length=2))
    monkeypatch.setattr("vocsep.separation.chunks.CONTEXT", 1)
    audio, tracks = music(2.5, 22_050, 2)
    given = None if method.startswith("oracle-") else tracks
    found = separator(method, weights, stems).separate(audio, 22_050, tracks=given)
    np.testing.assert_allclose(found.stems.sum(axis=0), audio, atol=2e-6)
    assert (found.parameters is not None) == (found.synthesised is not None) == (method in SUNG)
    assert found.confidence.shape == (3, 3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this computer has no CUDA device")
@pytest.mark.parametrize("method", METHODS)
def test_methods_say_the_same_on_the_gpu(method: str, weights: dict[str, Path], stems: Path) -> None:
    audio, tracks = music(1.0)
    stems_of = []
    for device in ("cpu", "cuda"):
        one = separator(method, weights, stems, device, adapt=0)
        with torch.no_grad():
            mixture, f0 = torch.from_numpy(audio).to(device), tracks.as_input().to(device)
            found = one.method.estimate(mixture, f0)
        assert found.masks.device.type == device
        grid = found.fft_size, found.hop
        heard = wiener_filter(mixture[None], SAMPLE_RATE, found.masks, found.powers, *grid)
        stems_of.append(heard.cpu().numpy())
    error = np.square(stems_of[1] - stems_of[0]).sum()
    assert error < 1e-3 * np.square(stems_of[0]).sum()


@pytest.mark.parametrize("method", [method for method in METHODS if method not in SUNG])
def test_voices_are_not_synthesised_without_a_source_model(
    method: str, weights: dict[str, Path], stems: Path, tmp_path: Path
) -> None:
    separate = separator(method, weights, stems).separate_file
    refused(
        SettingsError, lambda: separate(tmp_path / "none.wav", tmp_path / "out", synth=True), "synth", method
    )
    assert not (tmp_path / "out").exists()


def test_names_and_settings_that_are_none_are_refused() -> None:
    refused(SettingsError, lambda: build_method("magic"), "method", "magic", "source-filter-nmf")


@pytest.mark.parametrize(("fft_size", "hop"), [(1024, 128), (1024, 256), (4096, 64)])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_masks_of_any_grid_are_put_where_they_belong(fft_size: int, hop: int, rate: int) -> None:
    """Below a border one voice, above it the other; before a time one, after it the other."""
    seconds, border, moment = 1.0, 1_500.0, 0.5
    time = np.arange(round(seconds * rate)) / rate
    low, high = (torch.from_numpy(np.sin(2 * np.pi * f * time)).float()[None] for f in (500.0, 2_500.0))
    frames = frame_count(round(seconds * SAMPLE_RATE), hop)
    masks = torch.zeros(2, fft_size // 2 + 1, frames)
    masks[0, mask_frequencies(fft_size=fft_size) < border] = 1.0
    masks[1] = 1 - masks[0]
    heard = wiener_filter(low + high, rate, masks, None, fft_size, hop)
    inner = slice(rate // 4, -rate // 4)
    torch.testing.assert_close(heard[0][:, inner], low[:, inner], atol=2e-3, rtol=0)
    torch.testing.assert_close(heard[1][:, inner], high[:, inner], atol=2e-3, rtol=0)
    masks = torch.zeros(2, fft_size // 2 + 1, frames)
    masks[0, :, torch.arange(frames) * hop < moment * SAMPLE_RATE] = 1.0
    masks[1] = 1 - masks[0]
    heard = wiener_filter(low, rate, masks, None, fft_size, hop)
    window = fft_size * rate // SAMPLE_RATE
    cut = round(moment * rate)
    torch.testing.assert_close(heard[0][:, : cut - window], low[:, : cut - window], atol=2e-3, rtol=0)
    assert heard[0][:, cut + window :].abs().max() < 2e-3


def test_what_lies_above_the_band_follows_powers_or_all_bins_alike() -> None:
    rate, frames = 48_000, frame_count(SAMPLE_RATE, 128)
    hiss = torch.randn(1, rate, generator=torch.Generator().manual_seed(0))
    high = torch.fft.irfft(torch.fft.rfft(hiss) * (torch.arange(rate // 2 + 1) > 10_000), rate)
    masks, powers = torch.full((2, 513, frames), 0.5), torch.full((2, 513, frames), 1e-6)
    top = (mask_frequencies(fft_size=1024) > 6_000) & (mask_frequencies(fft_size=1024) < 6_500)
    masks[0, top], masks[1, top], powers[0, top] = 1.0, 0.0, 1.0
    for given, share in ((powers, 1.0), (None, 0.5 + 0.5 * 31 / 231)):  # 31 of the 231 bins from 4 to 7.6 kHz
        heard = wiener_filter(high, rate, masks, given, 1024, 128)
        torch.testing.assert_close(heard.sum(dim=0), high, atol=1e-5, rtol=0)
        found = (heard[0] * high).sum() / high.square().sum()
        assert found == pytest.approx(share, abs=0.02)


def test_the_postfilter_is_that_which_ships_or_another_or_none(tmp_path: Path) -> None:
    none = build_method("source-filter", MethodSettings(adapt=0, postfilter=False))
    shipped = build_method("source-filter", MethodSettings(adapt=0))
    save_postfilter(PostfilterNetwork(), tmp_path / "untrained.safetensors", {})
    other = build_method(
        "source-filter", MethodSettings(adapt=0, postfilter=tmp_path / "untrained.safetensors")
    )
    audio, tracks = music(1.0)
    mixture, f0 = torch.from_numpy(audio), tracks.as_input()
    masks = [method.estimate(mixture, f0).masks for method in (none, shipped, other)]
    assert torch.allclose(masks[0], masks[2], atol=1e-6)  # an untrained one changes nothing
    assert (masks[0] - masks[1]).abs().max() > 0.01
    given = MethodSettings(postfilter=shipped_model("voices"))
    refused(ModelError, lambda: build_method("source-filter", given), "a voices model, not a post-filter")


def test_a_method_is_one_file_and_its_line_in_the_registry(
    weights: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Alike(SeparationMethod):
        def estimate(self, excerpt: Excerpt, progress: Progress) -> SourceEstimate:
            voices, frames = len(excerpt.f0), frame_count(len(excerpt.mixture))
            masks = torch.full((voices, MASK_FFT // 2 + 1, frames), 1 / voices)
            return estimate_from_masks(excerpt.mixture, masks, None, MASK_FFT, HOP)

    file = ModuleType("vocsep.methods.alike")
    vars(file)["build"] = lambda name, settings: Method(name, Alike())
    monkeypatch.setitem(sys.modules, file.__name__, file)
    monkeypatch.setitem(registry._MODULES, "alike", "alike")
    audio, tracks = music(1.0)
    separator = Separator(method="alike", device="cpu", pitch_model=weights["pitch_model"])
    found = separator.separate(audio, SAMPLE_RATE, tracks=tracks)
    np.testing.assert_allclose(found.stems, np.stack([audio] * 3) / 3, atol=1e-6)
    assert found.parameters is None
