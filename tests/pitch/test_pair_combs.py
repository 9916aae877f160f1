"""Two contours explain two voices: as much as least squares with numpy says, and best where they are sung."""

import numpy as np
import pytest
import torch

from vocsep.pitch.combs_apart import combs_apart
from vocsep.pitch.pair_combs import ALIKE, EVERY, FLOOR, PairCombs, spread, windowed
from vocsep.pitch.pair_contours import pair_contours
from vocsep.pitch.pair_search import best_contours
from vocsep.spectra import HOP, SAMPLE_RATE

FRAMES = 60
LINE = np.full(FRAMES, 57.0)
TIME = np.arange(FRAMES) * HOP / SAMPLE_RATE
SUNG = np.stack((0.3 * np.sin(33 * TIME), 0.25 - 0.2 * np.sin(36 * TIME)))  # semitones from the line


def sound(*pitches: np.ndarray) -> np.ndarray:
    at = np.arange(FRAMES * HOP) / HOP
    total = 0.003 * np.random.default_rng(1).standard_normal(len(at))
    for number, pitch in enumerate(pitches, start=1):
        cycles = np.cumsum(440 * 2 ** ((np.interp(at, np.arange(FRAMES), pitch) - 69) / 12)) / SAMPLE_RATE
        for k in range(1, 13):
            total += 0.1 * k ** -(0.5 + 0.5 * number) * np.cos(2 * np.pi * k * cycles + number * k)
    return total.astype(np.float32)


@pytest.fixture(scope="module")
def combs() -> PairCombs:
    return PairCombs(torch.from_numpy(sound(*(SUNG + LINE))), LINE, 0, FRAMES)


def test_costs_are_those_of_least_squares(combs: PairCombs) -> None:
    half, frame = 12, 30
    found = combs.costs(torch.from_numpy(SUNG).float()[None], half, 3)[0, frame]
    place = np.arange(FRAMES * HOP // EVERY) * EVERY / HOP
    drawn = np.stack([np.interp(place, np.arange(FRAMES), row) for row in SUNG])
    hertz = 440 * 2 ** ((57 - 69) / 12) * (2 ** (drawn / 12) - 1)
    angle = 2 * np.pi * np.cumsum(hertz, axis=1) * EVERY / SAMPLE_RATE
    inside = np.abs(np.arange(len(place)) - frame * HOP // EVERY) <= half
    root = np.sqrt(np.hanning(2 * half + 3)[1:-1] / (half + 1))
    total = 0.0
    for k, heard in enumerate(combs.partials[:3].numpy(), start=1):
        waves = (np.exp(1j * k * angle[:, inside]) * root).T
        right = heard[inside] * root
        solved = np.linalg.solve(waves.conj().T @ waves + ALIKE * np.eye(2), waves.conj().T @ right)
        energy = np.vdot(right, right).real
        left = energy - np.vdot(waves.conj().T @ right, solved).real
        total += np.log((left + FLOOR * energy) / (energy * (1 + FLOOR)))
    assert float(found) == pytest.approx(total, abs=0.02)


@pytest.mark.parametrize(("half", "partials"), [(8, 4), (20, 10)])
def test_slopes_are_those_of_small_moves(combs: PairCombs, half: int, partials: int) -> None:
    random = np.random.default_rng(2)
    offsets = torch.from_numpy(SUNG + random.normal(0, 0.05, SUNG.shape)).float()[None]
    costs, slopes = combs.costs_and_slopes(offsets, half, partials)
    assert torch.equal(costs, combs.costs(offsets, half, partials))
    ways = torch.from_numpy(random.standard_normal((40, *SUNG.shape))).float()
    there, back = (combs.costs(offsets + step * ways, half, partials).sum(dim=1) for step in (2e-3, -2e-3))
    expected = (slopes * ways).sum(dim=(1, 2))
    assert float(((there - back) / 4e-3 - expected).norm() / expected.norm()) < 0.02


def test_windows_are_summed_as_a_matrix_does() -> None:
    random = np.random.default_rng(4)
    frames, half = 37, 12
    samples = frames * HOP // EVERY
    values = random.standard_normal((3, samples))
    away = np.arange(samples)[:, None] - np.arange(frames) * HOP // EVERY
    window = np.where(np.abs(away) <= half, np.cos(np.pi * away / (2 * (half + 1))) ** 2 / (half + 1), 0)
    np.testing.assert_allclose(
        windowed(torch.from_numpy(values).float(), half, frames), values @ window, atol=1e-5
    )
    rare = random.standard_normal((3, frames))
    np.testing.assert_allclose(
        spread(torch.from_numpy(rare).float(), half, samples), rare @ window.T, atol=1e-5
    )


def test_contours_that_are_sung_explain_more_than_others(combs: PairCombs) -> None:
    middle = np.repeat(SUNG.mean(axis=0)[None], 2, axis=0)
    tried = np.stack((SUNG, middle, np.sort(SUNG, axis=0), SUNG + 0.1))
    costs = combs.costs(torch.from_numpy(tried).float(), 20, 10).sum(dim=1)
    assert costs.argmin() == 0


def test_contours_are_found_and_an_exchange_costs(combs: PairCombs) -> None:
    free = np.zeros(FRAMES, dtype=np.bool_)
    free[8:-8] = True
    begun = np.where(free, SUNG.mean(axis=0), SUNG)
    found, exchange = best_contours(combs, begun, free)
    np.testing.assert_array_equal(found[:, ~free].astype(np.float32), begun[:, ~free].astype(np.float32))
    assert np.median(100 * np.abs(found - SUNG)) < 5
    assert np.isinf(exchange[~free]).all()
    assert np.median(exchange[free]) > 5
    pair = torch.from_numpy(found).float()[None]
    for frame in (12, 30, 47):  # an exchange is dear where the recording hears it: all of it is asked here
        turned = torch.where(torch.arange(FRAMES) >= frame, pair.flip(1), pair)
        more = (combs.costs(turned, 20, 10) - combs.costs(pair, 20, 10)).sum()
        assert exchange[frame] >= float(more) - 0.1  # and the bend


def test_runs_are_found_the_same_by_one_thread_and_by_two_and_long_ones_piece_by_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vocsep.pitch.pair_contours.LONGEST", 12)
    heard = torch.from_numpy(sound(*(SUNG + LINE)))
    tracks = LINE + np.sort(SUNG, axis=0)[::-1]
    runs, threads, found = [(6, 36), (40, 52)], torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(pair_contours(heard, tracks, runs))
    finally:
        torch.set_num_threads(threads)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    contours, exchange = found[0]
    inside = np.isfinite(exchange)
    assert inside[6:36].all() and inside[40:52].all() and inside.sum() == 42
    np.testing.assert_array_equal(contours[:, ~inside], tracks[:, ~inside])
    assert np.median(100 * np.abs(np.sort(contours - LINE, axis=0) - np.sort(SUNG, axis=0))[:, inside]) < 6


def test_combs_are_taken_apart() -> None:
    voices = np.stack((LINE + 0.1, LINE + 5.2, np.full(FRAMES, np.nan)))
    apart = combs_apart(sound(*voices[:2]), voices, np.ones(FRAMES, dtype=np.bool_)).numpy()
    alone = sound(voices[0]) - sound()
    inside = slice(10 * HOP, -10 * HOP)
    error = apart[0, inside] - alone[inside]
    assert np.mean(error**2) < 0.01 * np.mean(alone[inside] ** 2)
    assert not apart[2].any()
