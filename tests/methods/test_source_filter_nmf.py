"""Source-filter NMF: against dense matrices, laws of its updates, and what it does to tones."""

import numpy as np
import pytest
import torch
from tiny import music

from vocsep.filtering.wiener import wiener_filter
from vocsep.methods.dictionaries import f0_every
from vocsep.methods.source_filter_nmf import (
    FFT_SIZE,
    GRID_HOP,
    PowerFactors,
    SourceFilterNmf,
    SourceFilterNmfSettings,
)
from vocsep.spectra import SAMPLE_RATE, frame_count, stft

UPDATES = ("pitches", "mixing", "filters", "rest_activations", "rest_templates")
FEW = SourceFilterNmfSettings(iterations=8)


def a_factorisation(seconds: float = 0.9, target: int = 1) -> tuple[PowerFactors, torch.Tensor]:
    audio, tracks = music(seconds)
    powers = stft(torch.from_numpy(audio), FFT_SIZE, GRID_HOP).abs().square().T.contiguous()
    f0 = f0_every(tracks.as_input(), GRID_HOP, len(powers))
    return PowerFactors(powers, f0, target, FEW, seed=3), powers


class Dense:
    """Equation (16) with full matrices in double precision, bins by frames as the paper writes it."""

    def __init__(self, factors: PowerFactors, powers: torch.Tensor) -> None:
        self.floor = FEW.floor * powers.mean().item()
        self.target = powers.double().numpy().T + self.floor
        self.atoms, self.filters, self.mixing = (
            m.double().numpy() for m in (factors.atoms.T, factors.filters, factors.mixing.T)
        )
        self.combs, self.pitches = (m.double().numpy() for m in (factors.combs.T, factors.pitches.T))
        parts = factors.rest
        self.templates = parts.templates.double().numpy().T
        self.activations = np.zeros((self.templates.shape[1], self.target.shape[1]))
        for row, loud in zip(parts.pitches.numpy(), parts.activations.double().numpy(), strict=True):
            np.add.at(self.activations, (row, np.arange(len(row))), loud)

    def model(self) -> np.ndarray:
        source = self.combs @ self.pitches
        shape = self.atoms @ self.filters @ self.mixing
        return np.asarray(shape * source + self.templates @ self.activations + self.floor)

    def cost(self) -> float:
        ratio = self.target / self.model()
        return float(np.sum(ratio - np.log(ratio) - 1))

    def updated(self, name: str) -> np.ndarray:
        """The model after one factor's update."""
        more, less = self.target / self.model() ** 2, 1 / self.model()
        source, shape = self.combs @ self.pitches, self.atoms @ self.filters @ self.mixing
        tiny = 1e-30
        if name == "pitches":
            up, down = (self.combs.T @ (shape * part) for part in (more, less))
            self.pitches = self.pitches * up / np.maximum(down, tiny)
        elif name == "mixing":
            up, down = ((self.atoms @ self.filters).T @ (source * part) for part in (more, less))
            self.mixing = self.mixing * up / np.maximum(down, tiny)
        elif name == "filters":
            up, down = (self.atoms.T @ (source * part) @ self.mixing.T for part in (more, less))
            self.filters = self.filters * up / np.maximum(down, tiny)
        elif name == "rest_activations":
            up, down = (self.templates.T @ part for part in (more, less))
            self.activations = self.activations * up / np.maximum(down, tiny)
        else:
            up, down = (part @ self.activations.T for part in (more, less))
            self.templates = self.templates * up / np.maximum(down, tiny)
        return self.model()


@pytest.mark.parametrize("name", UPDATES)
def test_updates_are_those_of_dense_matrices(name: str) -> None:
    factors, powers = a_factorisation()
    factors.update()  # away from the start, where many entries are alike
    plain = Dense(factors, powers)
    assert factors.cost() == pytest.approx(plain.cost(), rel=1e-4)
    wanted = plain.updated(name)
    getattr(factors, f"update_{name}")()
    np.testing.assert_allclose(Dense(factors, powers).model(), wanted, rtol=2e-3)
    assert factors.cost() == pytest.approx(plain.cost(), rel=1e-4)


def test_no_update_raises_the_cost() -> None:
    factors, _ = a_factorisation()
    costs = [factors.cost()]
    for _ in range(15):
        for name in UPDATES:
            getattr(factors, f"update_{name}")()
            costs.append(factors.cost())
    assert (np.diff(costs) <= 1e-6 * costs[0]).all()
    assert costs[-1] < 0.5 * costs[0]


def test_the_source_stays_near_the_f0_and_is_silent_where_the_voice_is() -> None:
    factors, _ = a_factorisation()
    allowed = factors.pitches > 0
    most = allowed.sum(dim=1)
    assert set(most.tolist()) == {0, 2 * FEW.scope + 1}
    for _ in range(3):
        factors.update()
    assert (factors.pitches[~allowed] == 0).all() and factors.pitches.isfinite().all()
    assert (factors.target()[most == 0] == 0).all()


def test_voices_apart_come_out_alone_and_levels_do_not_matter() -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tones = [
        a * sum(np.sin(2 * np.pi * f * k * time) for k in range(1, 9))
        for a, f in ((0.1, 430.0), (0.05, 262.0))
    ]
    stems = torch.from_numpy(np.stack(tones).astype(np.float32))
    f0 = torch.tensor([[430.0], [262.0]]).expand(-1, frame_count(stems.shape[1]))
    for level in (1.0, 1e-3):
        mixture = level * stems.sum(dim=0)
        found = SourceFilterNmf(FEW)(mixture, f0)
        torch.testing.assert_close(found.masks.sum(dim=0), torch.ones_like(found.masks[0]))
        heard = wiener_filter(mixture[None], SAMPLE_RATE, found.masks, None, FFT_SIZE, GRID_HOP)[:, 0]
        error = (heard - level * stems).square().sum(dim=1) / (level * stems).square().sum(dim=1)
        assert (error < 0.05).all()


def test_one_voice_alone_gets_everything() -> None:
    audio, tracks = music(0.4)
    found = SourceFilterNmf(FEW)(torch.from_numpy(audio), tracks.as_input()[:1])
    torch.testing.assert_close(found.masks, torch.ones_like(found.masks))


def test_silence_and_voices_that_never_sing_are_no_trouble() -> None:
    audio, tracks = music(0.4)
    f0 = tracks.as_input().clone()
    f0[1] = 0
    told: list[float] = []
    for mixture in (torch.from_numpy(audio), torch.zeros(len(audio))):
        found = SourceFilterNmf(FEW)(mixture, f0, progress=told.append)
        assert found.masks.isfinite().all() and found.powers is not None and found.powers.isfinite().all()
        torch.testing.assert_close(found.masks.sum(dim=0), torch.ones_like(found.masks[0]))
    assert told == sorted(told[: len(told) // 2]) * 2 and told[-1] == 1.0


def test_the_seed_decides_how_filters_begin() -> None:
    audio, tracks = music(0.4)
    mixture, f0 = torch.from_numpy(audio), tracks.as_input()
    first, again, other = (SourceFilterNmf(FEW, seed)(mixture, f0).masks for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
