"""The batched solver is the dense one, and steady tones are told apart that a spectrogram shows as one."""

import math

import pytest
import torch
from torch import Tensor

from vocsep.filtering.partials import STRIDE, Partials
from vocsep.filtering.regression import FAR, NEAR, amplitudes, block_tridiagonal_solve, order
from vocsep.source.phases import cycles, held
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, frame_count

SAMPLES = SAMPLE_RATE // 2


def steady(*frequencies: float, samples: int = SAMPLES) -> Tensor:
    return torch.tensor(frequencies)[:, None].expand(-1, frame_count(samples)).contiguous()


def tone(frequency: float, phase: float = 0.3, samples: int = SAMPLES) -> Tensor:
    time = torch.arange(samples, dtype=torch.float64) / SAMPLE_RATE
    return torch.cos(2 * math.pi * frequency * time + phase).float()


def uniform(like: Tensor, ratio: float) -> Tensor:
    return torch.full(like.shape, ratio)


def dense(partials: Partials, signal: Tensor, phase: Tensor, ratio: Tensor, frame: int) -> Tensor:
    """The same amplitudes in float64 from matrices of whole windows, all partials of a frame at once."""
    start = frame * STRIDE
    window = torch.hann_window(MASK_FFT, dtype=torch.float64)
    place = torch.arange(-MASK_FFT // 2, MASK_FFT // 2, dtype=torch.float64) / (MASK_FFT // 2)
    padded = torch.nn.functional.pad(signal.double(), (MASK_FFT // 2, MASK_FFT))
    columns, ratios = [], []
    voices, numbers = partials.active[frame].nonzero(as_tuple=True)
    for voice, number in zip(voices, numbers, strict=True):
        angle = 2 * math.pi * (number + 1) * phase[voice, start : start + MASK_FFT]
        wave = torch.polar(torch.ones_like(angle), angle)
        columns += [wave, wave * place]
        ratios += list(ratio[frame, voice, number].double())
    basis = torch.stack(columns, dim=1)
    weighted = basis.mH * window.square()
    matrix = weighted @ basis + torch.diag(torch.stack(ratios)).to(basis.dtype)
    right = weighted @ (2 * padded[start : start + MASK_FFT]).to(basis.dtype)
    return torch.linalg.solve(matrix, right).reshape(-1, 2)


def test_phase_is_the_integral_of_the_f0() -> None:
    f0 = 200 + 30 * torch.rand(1, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    samples = 19 * HOP
    found = cycles(f0, HOP, samples + HOP)[0]
    position = torch.arange(samples, dtype=torch.float64) / HOP
    index = position.long()
    line = torch.lerp(f0[0, index], f0[0, index + 1], position - index)
    steps = (line[1:] + line[:-1]) / 2 / SAMPLE_RATE  # trapezia: exact for lines
    expected = torch.cat((torch.zeros(1, dtype=torch.float64), steps.cumsum(0)))
    apart = found[HOP:] - expected
    assert (apart - apart.round()).abs().max() < 1e-9
    before = torch.diff(found[:HOP]) - float(f0[0, 0]) / SAMPLE_RATE
    assert (before - before.round()).abs().max() < 1e-9


def test_gaps_have_the_nearest_f0() -> None:
    f0 = torch.tensor([[0.0, 100.0, 0.0, 0.0, 200.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert held(f0).tolist() == [[100, 100, 100, 200, 200], [0, 0, 0, 0, 0]]


def test_block_tridiagonal_systems_are_solved() -> None:
    generator = torch.Generator().manual_seed(0)
    batch, blocks, size = 3, 4, 5
    whole = torch.randn(batch, blocks * size, blocks * size, generator=generator, dtype=torch.complex64)
    matrix = whole @ whole.mH + 10 * blocks * size * torch.eye(blocks * size)
    block = torch.arange(blocks * size) // size
    matrix = matrix * ((block[:, None] - block).abs() <= 1)
    values = torch.randn(batch, blocks * size, generator=generator, dtype=torch.complex64)
    cut = matrix.reshape(batch, blocks, size, blocks, size).permute(0, 1, 3, 2, 4)
    diagonal = torch.stack([cut[:, i, i] for i in range(blocks)], dim=1)
    right = torch.stack([cut[:, i, i + 1] for i in range(blocks - 1)], dim=1)
    found, failed = block_tridiagonal_solve(diagonal, right, values.reshape(batch, blocks, size))
    expected = torch.linalg.solve(matrix.to(torch.complex128), values.to(torch.complex128))
    assert not failed.any()
    torch.testing.assert_close(found.flatten(1).to(torch.complex128), expected, rtol=0, atol=1e-5)


def test_a_matrix_that_is_not_positive_definite_is_told() -> None:
    good = torch.eye(2, dtype=torch.complex64).expand(2, 1, 2, 2).clone()
    good[1, 0, 0, 0] = -1
    _, failed = block_tridiagonal_solve(good, good[:, :0], torch.ones(2, 1, 2, dtype=torch.complex64))
    assert failed.tolist() == [False, True]


def test_amplitudes_are_those_of_the_dense_solution() -> None:
    generator = torch.Generator().manual_seed(1)
    f0 = torch.tensor([[230.0], [207.0], [155.0]]) * (
        1 + 0.03 * torch.sin(torch.arange(frame_count(SAMPLES)) / 4)
    )
    signal = torch.randn(SAMPLES, generator=generator)
    partials = Partials(f0, SAMPLES, top=1_000.0)
    sums = partials.project(signal)
    ratio = 10 ** (1 + 2 * torch.rand(sums.shape, generator=generator))
    found = amplitudes(partials, sums, ratio)
    phase = cycles(f0, MASK_FFT // 2, SAMPLES + 2 * MASK_FFT)
    for frame in (0, 5, partials.frames - 1):
        expected = dense(partials, signal, phase, ratio, frame)
        actual = found[frame][partials.active[frame]].to(torch.complex128)
        torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5)


def test_a_partial_reaches_the_farthest_that_ever_comes_near() -> None:
    glide = 400 * torch.exp2(torch.linspace(0, 1, frame_count(SAMPLES)))
    steadily = steady(430.0, 310.0)
    partials = Partials(torch.cat((glide[None], steadily)), SAMPLES, top=2_000.0)
    reach = order(partials).reach
    assert reach.max() > 1 and reach.min() < reach.max()
    number = torch.arange(1, partials.frequency.shape[2] + 1)
    for frame in range(partials.frames):
        exists = partials.active[frame]
        height, first = partials.frequency[frame][exists].sort()
        courses = (partials.around[:, frame, :, None] * number)[:, exists][:, first]  # (places, partials)
        apart = [
            later - earlier
            for earlier in range(len(height))
            for later in range(earlier + 1, len(height))
            if height[later] - height[earlier] < FAR
            and (courses[:, later] - courses[:, earlier]).abs().min() < NEAR
        ]
        assert reach[frame] == max(apart, default=1)


def test_two_steady_tones_in_one_bin_are_parted() -> None:
    samples = 2 * SAMPLE_RATE
    one, other = tone(400.0, 0.3, samples), 0.5 * tone(403.0, 1.7, samples)  # a bin is 7.8 Hz wide
    partials = Partials(steady(400.0, 403.0, samples=samples), samples, top=420.0)
    sums = partials.project(one + other)
    ratio = uniform(sums, 1.0)
    ratio[..., 1] = 1e5  # steady: amplitudes do not change within a window
    found = partials.sound(amplitudes(partials, sums, ratio))
    inside = slice(MASK_FFT, -MASK_FFT)
    for voice, truth in zip(found, (one, other), strict=True):
        error = (voice - truth)[inside].square().sum() / truth[inside].square().sum()
        assert error < 0.02


def test_a_partial_without_prior_power_stays_silent() -> None:
    signal = tone(300.0) + tone(420.0)
    partials = Partials(steady(300.0, 420.0), SAMPLES, top=500.0)
    sums = partials.project(signal)
    ratio = uniform(sums, 1.0)
    ratio[:, 1] = torch.inf
    found = partials.sound(amplitudes(partials, sums, ratio))
    assert found[1].abs().max() < 1e-5
    assert found[0, MASK_FFT:-MASK_FFT].square().mean() == pytest.approx(0.5, rel=0.01)


def test_voices_that_never_sing_have_no_partials() -> None:
    partials = Partials(steady(300.0, 0.0), SAMPLES)
    assert not partials.active[:, 1].any()
    sums = partials.project(tone(300.0))
    assert partials.sound(amplitudes(partials, sums, uniform(sums, 1.0)))[1].abs().max() == 0


@pytest.mark.parametrize("samples", [1, HOP, 1_000, 5_003])
def test_recordings_of_any_length(samples: int) -> None:
    partials = Partials(steady(200.0, 310.0, samples=samples), samples)
    sums = partials.project(torch.ones(samples))
    assert partials.sound(amplitudes(partials, sums, uniform(sums, 10.0))).shape == (2, samples)
