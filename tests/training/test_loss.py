"""The multi-scale spectral loss against numpy and against recorded operations."""

import numpy as np
import pytest
import torch

from vocsep.training.loss import FFT_SIZES, multi_scale_spectral_loss, spectral_scales


def random_pair(batch: int = 2, samples: int = 3000) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(11)
    return torch.randn(batch, samples, generator=generator), 0.3 * torch.randn(
        batch, samples, generator=generator
    )


def numpy_loss(estimate: np.ndarray, target: np.ndarray, size: int) -> float:
    window = np.hanning(size + 1)[:-1]
    magnitudes = []
    for signal in (estimate, target):
        padded = np.pad(signal.astype(np.float64), size // 2)
        frames = [
            padded[t : t + size] for t in range(0, len(signal) + 1, size // 4) if t + size <= len(padded)
        ]
        magnitudes.append(np.sqrt(np.abs(np.fft.rfft(np.array(frames) * window)) ** 2 + 1e-10))
    ours, theirs = magnitudes
    return float(np.abs(ours - theirs).mean() + np.abs(np.log(ours) - np.log(theirs)).mean())


def recorded_loss(estimate: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    total = torch.zeros((), dtype=estimate.dtype)
    for size in FFT_SIZES:
        window = torch.hann_window(size, dtype=estimate.dtype)
        ours, theirs = (
            (
                torch.stft(x, size, size // 4, window=window, pad_mode="constant", return_complex=True).abs()
                ** 2
                + 1e-10
            )
            for x in (estimate, target)
        )
        total = (
            total + (ours.sqrt() - theirs.sqrt()).abs().mean() + (ours.log() - theirs.log()).abs().mean() / 2
        )
    return total


@pytest.mark.parametrize("size", FFT_SIZES)
def test_each_scale_equals_numpy(size: int) -> None:
    estimate, target = random_pair()
    expected = np.mean(
        [numpy_loss(e, t, size) for e, t in zip(estimate.numpy(), target.numpy(), strict=True)]
    )
    assert multi_scale_spectral_loss(estimate, target, (size,)).item() == pytest.approx(expected, rel=1e-5)


def test_scales_add_up() -> None:
    estimate, target = random_pair()
    parts = sum(multi_scale_spectral_loss(estimate, target, (size,)).item() for size in FFT_SIZES)
    assert multi_scale_spectral_loss(estimate, target).item() == pytest.approx(parts, rel=1e-5)


def test_gradient_equals_that_of_recorded_operations() -> None:
    estimate, target = (signal.double().requires_grad_() for signal in random_pair())
    (ours,) = torch.autograd.grad(multi_scale_spectral_loss(estimate, target), estimate)
    (expected,) = torch.autograd.grad(recorded_loss(estimate, target), estimate)
    torch.testing.assert_close(ours, expected)


def test_phase_does_not_count() -> None:
    estimate, _ = random_pair()
    assert multi_scale_spectral_loss(estimate, -estimate).item() == 0


def test_precomputed_target_gives_the_same_loss() -> None:
    estimate, target = random_pair()
    direct = multi_scale_spectral_loss(estimate, target)
    assert torch.equal(multi_scale_spectral_loss(estimate, spectral_scales(target)), direct)


def test_loss_of_a_batch_is_the_mean_of_its_recordings() -> None:
    estimate, target = random_pair(3)
    alone = [multi_scale_spectral_loss(estimate[i : i + 1], target[i : i + 1]).item() for i in range(3)]
    assert multi_scale_spectral_loss(estimate, target).item() == pytest.approx(np.mean(alone), rel=1e-5)


@pytest.mark.parametrize("silent", ["estimate", "target", "both"])
def test_silence_has_finite_loss_and_gradient(silent: str) -> None:
    estimate, target = random_pair()
    estimate = estimate * (silent == "target")
    target = target * (silent == "estimate")
    estimate.requires_grad_()
    loss = multi_scale_spectral_loss(estimate, target)
    loss.backward()
    assert loss.isfinite() and estimate.grad is not None and estimate.grad.isfinite().all()


def test_no_gradient_is_made_where_none_is_needed() -> None:
    estimate, target = random_pair()
    assert not multi_scale_spectral_loss(estimate, target).requires_grad
