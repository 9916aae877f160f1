"""Sums of and over partials: what the formulas say, term by term."""

import math

import pytest
import torch
from torch import Tensor

from vocsep.source import waves
from vocsep.source.waves import along, correlations, demodulated, sounded

BLOCKS, SAMPLES, SHAPES, MOST = 5, 24, 3, 4


@pytest.fixture(params=[1, 1 << 18])
def _blocks_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves, "CACHED", request.param)


def given() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    angle = 2 * math.pi * (torch.rand(BLOCKS, SAMPLES, generator=generator) - 0.5)
    signal = torch.randn(BLOCKS, SAMPLES, generator=generator)
    return angle, signal, torch.rand(SHAPES, SAMPLES, generator=generator), torch.tensor([4, 2, 0, 4, 1])


@pytest.mark.usefixtures("_blocks_at_once")
def test_correlations_are_sums_over_each_block() -> None:
    angle, signal, shapes, counts = given()
    found = correlations(angle, signal, shapes, counts)
    assert found.shape == (BLOCKS, MOST, SHAPES)
    for block, count in enumerate(counts.tolist()):
        for k in range(1, count + 1):
            turned = signal[block] * torch.exp(-1j * k * angle[block])
            torch.testing.assert_close(
                found[block, k - 1], shapes.to(turned.dtype) @ turned, atol=1e-5, rtol=1e-4
            )


@pytest.mark.parametrize("most", [1, 37, 128])
def test_high_partials_are_as_exact_as_single_precision_can_be(most: int) -> None:
    angle = torch.linspace(-math.pi, math.pi, 50)[:, None]
    found = correlations(angle, torch.ones(50, 1), torch.ones(1, 1), torch.full((50,), most))[..., 0]
    expected = torch.exp(-1j * angle.double() * torch.arange(1, most + 1))
    torch.testing.assert_close(found, expected.to(found.dtype), atol=2e-7 * most, rtol=0)


@pytest.mark.usefixtures("_blocks_at_once")
def test_what_sounds_is_the_real_part_of_all_partials() -> None:
    angle, _, shapes, counts = given()
    there = torch.arange(1, MOST + 1) <= counts[:, None]
    drawn = torch.randn(
        BLOCKS, MOST, SHAPES, dtype=torch.complex64, generator=torch.Generator().manual_seed(1)
    )
    drawn = drawn * there[..., None]
    expected = torch.zeros(BLOCKS, SAMPLES)
    for k in range(1, MOST + 1):
        amplitude = drawn[:, k - 1] @ shapes.to(drawn.dtype)
        expected += (amplitude * torch.exp(1j * k * angle)).real
    torch.testing.assert_close(sounded(angle, drawn, shapes, counts), expected, atol=1e-5, rtol=1e-4)


def test_nothing_sounds_of_no_partials() -> None:
    angle, signal, shapes, _ = given()
    none = torch.zeros(BLOCKS, dtype=torch.long)
    assert correlations(angle, signal, shapes, none).shape == (BLOCKS, 0, SHAPES)
    assert not sounded(angle, torch.zeros(BLOCKS, 0, SHAPES, dtype=torch.complex64), shapes, none).any()


def test_partials_are_demodulated_to_their_amplitudes() -> None:
    hop, blocks = 64, 12
    phase = 0.05 * torch.arange(hop * blocks, dtype=torch.float64)
    amplitudes = (0.5 - 0.2j, 0.1j)
    signal = sum((a * torch.exp(1j * k * phase)).real for k, a in enumerate(amplitudes, start=1))
    windows = [torch.hann_window(length * hop) for length in (8, 4)]
    counts = torch.full((blocks,), 2)
    sound = torch.as_tensor(signal).float()
    long, short = demodulated(phase.float(), sound, windows, hop, counts)
    assert long.shape == short.shape == (blocks - 7, 2)
    torch.testing.assert_close(long, torch.tensor(amplitudes).expand_as(long), atol=2e-3, rtol=0)
    within = slice(2 * hop, -2 * hop)  # where the short windows lie
    [alone] = demodulated(phase.float()[within], sound[within], windows[1:], hop, counts[2:-2])
    torch.testing.assert_close(short, alone)


def test_sums_of_powers_are_those_of_the_definition() -> None:
    generator = torch.Generator().manual_seed(2)
    amplitudes = torch.randn(3, MOST, dtype=torch.complex64, generator=generator)
    turns = torch.exp(1j * torch.rand(3, 5, generator=generator))
    powers = torch.stack([turns**k for k in range(1, MOST + 1)], dim=1)
    torch.testing.assert_close(along(amplitudes, turns), (amplitudes[..., None] * powers).sum(dim=1).real)
