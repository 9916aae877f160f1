"""Multichannel filtering: equal channels change nothing, images add up, places are found, fit improves."""

from itertools import pairwise

import pytest
import soxr
import torch
from torch import Tensor

import vocsep.filtering.multichannel as multichannel
from vocsep.filtering.multichannel import LOADING, SpatialFilter, channels_differ, spatial_filter
from vocsep.filtering.wiener import wiener_filter
from vocsep.spectra import MASK_FFT, SAMPLE_RATE, frame_count, stft

SAMPLES = 2 * SAMPLE_RATE
GRID = (512, 128)  # window and hop of small masks
PLACES = torch.tensor([[0.95, 0.3], [0.7, 0.7], [0.3, 0.95]])  # gains of three voices in two channels


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def voices(count: int = 3) -> Tensor:
    """Noises, each in blocks of 100 ms that sound or do not: ``(count, SAMPLES)``."""
    sounds = (
        (torch.rand(count, 20, generator=generator()) < 0.5).float().repeat_interleave(SAMPLES // 20, dim=1)
    )
    return sounds * torch.randn(count, SAMPLES, generator=generator())


def masks_of(sources: Tensor, blur: float = 0.0) -> Tensor:
    """Power ratios of known sources, drawn towards equal shares by ``blur``."""
    powers = stft(sources, *GRID).abs().square() + 1e-9
    return (1 - blur) * powers / powers.sum(dim=0) + blur / len(sources)


def random_shares(count: int, frames: int) -> Tensor:
    return torch.rand(count, MASK_FFT // 2 + 1, frames, generator=generator()).softmax(dim=0)


def error(estimate: Tensor, truth: Tensor) -> float:
    """Distortion in dB."""
    return float(10 * torch.log10((estimate - truth).square().sum() / truth.square().sum()))


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("channels", [2, 3])
def test_stems_add_up(rate: int, channels: int) -> None:
    audio = torch.randn(channels, rate // 2, generator=generator())
    shares = random_shares(3, frame_count(SAMPLE_RATE // 2))
    stems = wiener_filter(audio, rate, shares, spatial=True)
    assert stems.shape == (3, *audio.shape)
    assert float((stems.sum(dim=0) - audio).abs().max()) < 2e-6 * float(audio.abs().max())
    assert not torch.allclose(stems, wiener_filter(audio, rate, shares), atol=1e-3)  # it did something


@pytest.mark.parametrize("gains", [[1.0], [1.0, 1.0], [1.0, -0.4], [0.0, 1.0], [0.5, 1.0, 0.2]])
def test_one_signal_in_all_channels_is_masked_as_ever(gains: list[float]) -> None:
    audio = torch.tensor(gains)[:, None] * torch.randn(1, 44_100 // 2, generator=generator())
    shares = random_shares(3, frame_count(SAMPLE_RATE // 2))
    assert torch.equal(
        wiener_filter(audio, 44_100, shares, spatial=True), wiener_filter(audio, 44_100, shares)
    )


def test_channels_differ_by_what_the_strongest_direction_leaves() -> None:
    one, other = torch.randn(2, SAMPLES, generator=generator())
    assert channels_differ(torch.stack((one + 0.1 * other, one - 0.1 * other)))
    assert not channels_differ(torch.stack((one + 0.002 * other, one - 0.002 * other)))
    assert not channels_differ(torch.zeros(2, 100))


def test_above_8_khz_masks_go_on() -> None:
    time = torch.arange(44_100) / 44_100
    fade = torch.hann_window(44_100)  # an edge would be a click, of all frequencies
    audio = torch.stack([fade * torch.sin(2 * torch.pi * f * time) for f in (11_000, 13_000)])
    shares = random_shares(2, frame_count(SAMPLE_RATE))
    assert channels_differ(audio)
    placed, masked = (wiener_filter(audio, 44_100, shares, spatial=spatial) for spatial in (True, False))
    torch.testing.assert_close(placed, masked, atol=1e-3, rtol=0)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_places_are_found_and_tell_voices_apart(rate: int) -> None:
    sources = voices()
    shares = masks_of(sources, blur=0.5)
    heard = torch.from_numpy(soxr.resample(sources.T.numpy(), SAMPLE_RATE, rate)).T
    images = PLACES[:, :, None] * heard[:, None]
    masked, placed = (
        wiener_filter(images.sum(dim=0), rate, shares, None, *GRID, spatial) for spatial in (False, True)
    )
    assert error(placed, images) < error(masked, images) - 2.0


def test_a_quiet_recording_is_separated_like_a_loud_one() -> None:
    sources = voices()
    audio, shares = torch.einsum("vc,vn->cn", PLACES, sources), masks_of(sources, blur=0.5)
    loud, quiet = (
        wiener_filter(level * audio, SAMPLE_RATE, shares, None, *GRID, spatial=True)
        for level in (1.0, 2**-16)
    )
    torch.testing.assert_close(2**16 * quiet, loud, rtol=0, atol=1e-4)


def test_silence_between_stays_silent() -> None:
    sources = voices()
    sources[:, SAMPLES // 4 : SAMPLES // 2] = 0.0
    audio, shares = torch.einsum("vc,vn->cn", PLACES, sources), masks_of(sources, blur=0.5)
    stems = wiener_filter(audio, SAMPLE_RATE, shares, None, *GRID, spatial=True)
    assert stems.isfinite().all()
    silent = slice(SAMPLES // 4 + GRID[0], SAMPLES // 2 - GRID[0])
    assert stems[..., silent].abs().max() < 1e-6


def test_voices_panned_hard_come_out_alone() -> None:
    sources = voices(2)
    images = torch.eye(2)[:, :, None] * sources[:, None]
    stems = wiener_filter(images.sum(dim=0), SAMPLE_RATE, masks_of(sources), None, *GRID, spatial=True)
    assert error(stems, images) < -25.0


def test_covariances_are_those_of_the_places() -> None:
    sources = voices(2)
    spectrum = stft(torch.einsum("vc,vn->cn", PLACES[[0, 2]], sources), *GRID)
    found = spatial_filter(spectrum, masks_of(sources))
    level = found.powers.sum(dim=2)[..., None, None] * found.covariances
    mean = level.sum(dim=0).real  # over bins
    for row, place in zip(mean, PLACES[[0, 2]], strict=True):
        torch.testing.assert_close(
            row / row.trace(), place.outer(place) / place.norm() ** 2, atol=0.05, rtol=0
        )


def log_likelihood(spectrum: Tensor, found: SpatialFilter) -> float:
    """Mean of -x^H S^-1 x - log det S over bins and frames, by complex matrices throughout."""
    total = torch.einsum("fvn,fvij->fnij", found.powers.cfloat(), found.covariances)
    load = LOADING * total.diagonal(dim1=-2, dim2=-1).mean(dim=-1)
    total = total + load[..., None, None] * torch.eye(len(spectrum))
    vectors = spectrum.permute(1, 2, 0)[..., None]
    quadratic = (vectors.mH @ torch.linalg.solve(total, vectors)).real[..., 0, 0]
    return float(-(quadratic + torch.linalg.slogdet(total).logabsdet).mean())


@pytest.mark.parametrize("channels", [2, 3])
def test_rounds_raise_the_likelihood(channels: int) -> None:
    sources = voices()
    mixing = torch.randn(channels, 3, generator=generator())
    spectrum = stft(mixing @ sources, *GRID)[:, :64]
    shares = masks_of(sources, blur=0.3)[:, :64]
    likelihoods = [log_likelihood(spectrum, spatial_filter(spectrum, shares, rounds)) for rounds in range(7)]
    assert all(after > before for before, after in pairwise(likelihoods))


@pytest.mark.parametrize("channels", [2, 3])
def test_covariances_as_real_numbers_are_inverted_and_multiplied_like_matrices(channels: int) -> None:
    factors = torch.randn(3, 7, channels, channels, dtype=torch.complex64, generator=generator())
    matrices = factors @ factors.mH + 0.1 * torch.eye(channels)
    numbers = multichannel._real(matrices).transpose(1, 2)
    torch.testing.assert_close(multichannel._complex(numbers.transpose(1, 2), channels), matrices)
    load = LOADING * matrices.diagonal(dim1=-2, dim2=-1).real.mean(dim=-1)
    inverse = torch.linalg.inv(matrices + load[..., None, None] * torch.eye(channels))
    found = multichannel._inverse(numbers).transpose(1, 2)
    torch.testing.assert_close(multichannel._complex(found, channels), inverse, rtol=1e-3, atol=1e-4)
    vectors = torch.randn(3, channels, 7, dtype=torch.complex64, generator=generator())
    expected = torch.einsum("fnij,fjn->fin", matrices, vectors)
    torch.testing.assert_close(multichannel._times(numbers, vectors), expected, rtol=1e-4, atol=1e-5)
    outer = torch.einsum("fin,fjn->fnij", vectors, vectors.conj())
    torch.testing.assert_close(
        multichannel._complex(multichannel._outer(vectors).transpose(1, 2), channels), outer
    )
