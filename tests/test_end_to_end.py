"""The whole chain with the shipped models: sung demo quartets, and real singers where VOCSEP_DATA is set."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from vocsep.errors import ModelError
from vocsep.evaluation.multi_f0 import multipitch_scores
from vocsep.evaluation.seconds import mean_and_median
from vocsep.evaluation.si_sdr import si_sdr, si_sdr_per_second
from vocsep.filtering.masks import soft_masks
from vocsep.filtering.postfilter import load_postfilter, postfiltered
from vocsep.filtering.unisons import share_unisons
from vocsep.filtering.wiener import wiener_filter
from vocsep.model import shipped_model
from vocsep.pitch.alternatives import alternatives_of, surely_sung
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.results import Separation
from vocsep.separation.separator import Separator
from vocsep.singers.demo import sing_demo
from vocsep.singers.quartet import sing_score
from vocsep.singers.score import random_score
from vocsep.source.powers import NOISE_SHARE, voice_powers
from vocsep.source.unison import OFFSETS, choices_of_f0, mixed_combs, sung_choices
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, stft

SECONDS = 10  # of a demo


def lacking() -> str:
    try:
        shipped_model("pitch"), shipped_model("voices")
    except ModelError as error:
        return str(error)
    return ""


pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "the models are there")


@pytest.fixture(scope="module")
def separator() -> Separator:
    return Separator(device="cpu")


def against_each_singer(stems: np.ndarray, separated: np.ndarray) -> np.ndarray:
    """SI-SDR of each stem (row) against each singer (column)."""
    return np.array([[float(si_sdr(singer, stem)) for singer in stems] for stem in separated])


@cache
def demo(seed: int) -> tuple[np.ndarray, int, F0Tracks]:
    """Stems of the beginning of a demo, their rate, their true F0."""
    stems, rate, tracks = sing_demo(seed)
    return stems[:, : SECONDS * rate], rate, tracks.slice(0, SECONDS * rate // HOP + 1)


@pytest.fixture(scope="module")
def separated(separator: Separator) -> Callable[[int, bool], Separation]:
    """A demo, its F0 found, or given; its number of voices is found, too."""

    @cache
    def done(seed: int, given: bool) -> Separation:
        stems, rate, tracks = demo(seed)
        return separator.separate(stems.sum(axis=0), rate, tracks=tracks if given else None)

    return done


@pytest.mark.parametrize("seed", [0, 2])
def test_each_stem_of_a_demo_is_its_own_singer(
    separated: Callable[[int, bool], Separation], seed: int
) -> None:
    stems, _, tracks = demo(seed)
    mixture = stems.sum(axis=0)
    result = separated(seed, False)
    assert len(result.stems) == 4  # nobody has said so
    np.testing.assert_allclose(result.stems.sum(axis=0), mixture, atol=2e-6)
    scores = against_each_singer(stems, result.stems)
    assert scores.argmax(axis=1).tolist() == [0, 1, 2, 3]
    gained = np.diag(scores) - si_sdr(stems, np.broadcast_to(mixture, stems.shape))
    assert gained.min() > 5.0  # dB; measured: 10 to 20
    assert multipitch_scores(tracks, result.tracks).f > 0.8


def test_the_true_f0_separate_a_demo_better(separated: Callable[[int, bool], Separation]) -> None:
    stems = demo(2)[0]
    given, found = (np.diag(against_each_singer(stems, separated(2, known).stems)) for known in (True, False))
    assert given.mean() > found.mean() > 5.0


def test_a_soloist_stays_whole(separator: Separator) -> None:
    stems, rate, _ = demo(0)
    result = separator.separate(stems[1], rate, 1)
    np.testing.assert_allclose(result.stems[0], stems[1], atol=2e-6)


def test_learned_and_adapted_filters_are_better_than_a_comb(
    separated: Callable[[int, bool], Separation],
) -> None:
    stems, rate, tracks = demo(2)
    comb = Separator(device="cpu", method="comb").separate(stems.sum(axis=0), rate, tracks=tracks)
    both = (separated(2, True), comb)
    scores = [np.diag(against_each_singer(stems, result.stems)).mean() for result in both]
    assert scores[0] > scores[1] + 2.0


def test_a_section_is_sung_by_wide_combs_and_a_quartet_by_narrow_ones(separator: Separator) -> None:
    def outer_share(singers: int) -> float:
        rng = np.random.default_rng(1)
        ensemble = sing_score(random_score(rng, 8.0), rng, room=False, singers=singers)
        result = separator.separate(ensemble.mixture, SAMPLE_RATE, len(ensemble.stems))
        assert result.parameters.shares is not None
        own = OFFSETS.index(0.0)
        shares = result.parameters.shares[result.parameters.f0 > 0].mean(dim=0)
        return float((shares[0] + shares[len(OFFSETS) - 1]) / shares[own])

    alone, section = outer_share(1), outer_share(3)
    assert 2 * alone < section and alone < 0.5 < section  # measured: 0.09 and 0.72; other seeds 0.35 and 0.94


# Real singers.

DATA = Path(os.environ.get("VOCSEP_DATA", "/nowhere"))
QUARTET = DATA / "csd_nino_dios" / "singers_1" / "stems"
real = [
    pytest.mark.real,
    pytest.mark.skipif(not QUARTET.is_dir(), reason="VOCSEP_DATA names no folder with real singers"),
]


def of_each_singer(stems: np.ndarray, result: Separation) -> np.ndarray:
    """What each stem holds of each singer, ``(stems, singers, samples)``: its mask, on each singer alone."""
    f0 = surely_sung(result.tracks).as_input()
    choices = choices_of_f0(f0, alternatives_of(result.tracks).as_input())
    combs = mixed_combs(result.parameters, sung_choices(choices, stems.shape[1]))
    powers = voice_powers(result.parameters, combs, NOISE_SHARE)
    mixture = torch.from_numpy(stems.sum(axis=0))
    powers = share_unisons(powers, f0)
    masks = postfiltered(load_postfilter(), stft(mixture, MASK_FFT), powers, soft_masks(powers), f0)
    return wiener_filter(torch.from_numpy(stems), SAMPLE_RATE, masks, powers).numpy()


@pytest.fixture(scope="module")
def quartet(separator: Separator) -> tuple[np.ndarray, Separation]:
    paths = sorted(QUARTET.iterdir())  # 1_soprano, 2_alto, 3_tenor, 4_bass
    stems = [soundfile.read(path, frames=30 * SAMPLE_RATE, dtype="float32")[0] for path in paths]
    singers = np.stack(stems)
    return singers, separator.separate(singers.sum(axis=0), SAMPLE_RATE, 4)


@pytest.mark.usefixtures("quartet")
class TestRealSingers:
    pytestmark = real

    def test_stems_add_up(self, quartet: tuple[np.ndarray, Separation]) -> None:
        singers, result = quartet
        np.testing.assert_allclose(result.stems.sum(axis=0), singers.sum(axis=0), atol=2e-6)

    def test_in_every_stem_its_own_singer_is_the_loudest(
        self, quartet: tuple[np.ndarray, Separation]
    ) -> None:
        """By masks alone, which can be laid on each singer; the pitches are those of the whole way."""
        singers, heard = quartet
        masked = Separator(device="cpu", filter="mask")
        result = masked.separate(singers.sum(axis=0), SAMPLE_RATE, tracks=heard.tracks)
        parts = of_each_singer(singers, result)
        np.testing.assert_allclose(parts.sum(axis=1), result.stems, atol=1e-3)  # bfloat16
        level = 10 * np.log10(np.square(parts).sum(axis=2))
        for stem in range(4):
            others = np.delete(level[stem], stem)
            assert level[stem, stem] > others.max() + 2.0  # dB; measured: 4 to 18

    def test_si_sdr_is_that_of_a_separation(self, quartet: tuple[np.ndarray, Separation]) -> None:
        singers, result = quartet
        scores = si_sdr_per_second(singers, result.stems, SAMPLE_RATE)
        mixture = np.broadcast_to(singers.sum(axis=0), singers.shape)
        before = si_sdr_per_second(singers, mixture, SAMPLE_RATE)
        assert mean_and_median(scores)[0] > 4.0  # dB; measured: 5.4, the mixture itself -5.9
        for voice in range(4):
            assert mean_and_median(scores[voice])[0] > mean_and_median(before[voice])[0] + 3.0
