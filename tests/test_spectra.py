"""One grid of frames for everything: STFT, inverse and frame times against numpy and against their laws."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.signal import get_window

from vocsep import spectra
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, frame_count, frame_times, hann, istft, stft


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 5_000, 16_000])
def test_stft_has_as_many_frames_as_are_counted(samples: int) -> None:
    assert stft(noise(samples), MASK_FFT).shape == (MASK_FFT // 2 + 1, frame_count(samples))


def test_frame_times_are_the_centres_in_seconds() -> None:
    times = frame_times(frame_count(10 * SAMPLE_RATE))
    np.testing.assert_allclose(times * SAMPLE_RATE, np.arange(len(times)) * HOP, atol=1e-9)
    assert times[-1] == 10.0


@pytest.mark.parametrize(("fft_size", "hop"), [(2048, 256), (1024, 512), (2822, 353)])
def test_stft_is_that_of_numpy_on_zero_padded_frames(fft_size: int, hop: int) -> None:
    signal = noise(3_000).double()
    padded = np.pad(signal.numpy(), fft_size // 2)
    window = get_window("hann", fft_size)
    frames = [padded[n * hop : n * hop + fft_size] * window for n in range(frame_count(3_000, hop))]
    expected = np.fft.rfft(frames, axis=1).T
    np.testing.assert_allclose(stft(signal, fft_size, hop).numpy(), expected, atol=1e-9)


@pytest.mark.parametrize("samples", [1, 300, 4_097, 20_000])
@pytest.mark.parametrize(("fft_size", "hop"), [(2048, 256), (1024, 128), (5645, 706)])
def test_inverse_returns_the_signal(samples: int, fft_size: int, hop: int) -> None:
    signal = noise(2, samples)
    back = istft(stft(signal, fft_size, hop), samples, fft_size, hop)
    torch.testing.assert_close(back, signal, rtol=0, atol=1e-5)


def test_leading_dimensions_are_kept() -> None:
    signal = noise(2, 3, 2_000)
    spectrum = stft(signal, 512)
    assert spectrum.shape == (2, 3, 257, frame_count(2_000))
    torch.testing.assert_close(spectrum[1, 2], stft(signal[1, 2], 512))
    torch.testing.assert_close(istft(spectrum, 2_000, 512), signal, rtol=0, atol=1e-5)


def test_an_impulse_is_centred_in_the_frame_of_its_time() -> None:
    signal = torch.zeros(20 * HOP)
    signal[7 * HOP] = 1.0
    magnitude = stft(signal, MASK_FFT).abs()
    torch.testing.assert_close(magnitude[:, 7], torch.ones(MASK_FFT // 2 + 1))  # the window's top
    torch.testing.assert_close(magnitude[:, 6], magnitude[:, 8])
    assert int(magnitude.sum(dim=0).argmax()) == 7


def test_a_sinusoid_stands_in_its_bin_with_half_the_windows_sum() -> None:
    bin_ = 100
    time = torch.arange(8_192) / SAMPLE_RATE
    spectrum = stft(torch.cos(2 * torch.pi * bin_ * SAMPLE_RATE / MASK_FFT * time), MASK_FFT).abs()
    middle = spectrum[:, spectrum.shape[1] // 2]
    assert int(middle.argmax()) == bin_
    assert middle[bin_].item() == pytest.approx(MASK_FFT / 4, rel=1e-4)


def test_window_has_the_precision_of_the_signal_and_is_shared() -> None:
    assert hann(64, noise(1).double()).dtype == torch.float64
    assert hann(64, noise(1)).dtype == torch.float32
    assert hann(64, noise(1)) is hann(64, noise(7))
    np.testing.assert_allclose(hann(64, noise(1).double()).numpy(), get_window("hann", 64), atol=1e-15)


def test_gradient_of_a_round_trip_is_that_of_the_identity() -> None:
    signal = noise(1_500).double().requires_grad_()
    weight = noise(3, 500).double().reshape(-1)
    (istft(stft(signal, 512), 1_500, 512) * weight).sum().backward()
    torch.testing.assert_close(signal.grad, weight)


def test_gradients_survive_a_first_use_in_inference_mode() -> None:
    """The window is kept: made in inference mode (the pitch stage), it must still serve training."""
    with torch.inference_mode():
        stft(noise(4_000), 1_234)
    signal = noise(4_000).requires_grad_()
    stft(signal, 1_234).abs().square().sum().backward()
    assert signal.grad is not None and torch.isfinite(signal.grad).all()


@pytest.mark.parametrize("shape", [(5_000,), (3, 4_097), (2, 2, 3_000)])
@pytest.mark.parametrize("together", [1, 1 << 17])
def test_power_is_the_squared_modulus_of_the_stft(
    shape: tuple[int, ...], together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spectra, "TOGETHER", together)
    signal = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    expected = stft(signal, 512, HOP).abs().square().transpose(-1, -2)
    torch.testing.assert_close(spectra.power_spectrogram(signal, 512), expected, rtol=1e-4, atol=1e-3)


def test_pieces_follow_each_other_and_are_about_as_long() -> None:
    for frames in (1, 10, 999, 1000, 1001, 1499, 1500, 9_999):
        found = spectra.pieces(frames, 1000)
        assert found[0][0] == 0 and found[-1][1] == frames
        assert all(before[1] == after[0] for before, after in pairwise(found))
        assert max(last - first for first, last in found) <= 1500
