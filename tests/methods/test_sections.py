"""Sections: who is a section, two F0 in each stem, and stems that still add up."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tiny import music

from vocsep.estimator import network
from vocsep.estimator.network import Estimator
from vocsep.estimator.parts import SHARED
from vocsep.estimator.settings import EstimatorSettings
from vocsep.filtering.confidence import energies
from vocsep.methods import source_filter
from vocsep.methods.protocol import Excerpt, SourceEstimate
from vocsep.methods.sections import MOST, are_sections, as_pairs, pairs_of_f0, width
from vocsep.methods.source_filter import SourceFilter, SourceFilterSettings, untrained_comb
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.reverberation import Reverberation
from vocsep.source.unison import OFFSETS
from vocsep.source.voice import SourceParameters
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, frame_count, stft

FRAMES = 120


def vibrato(hertz: float, cents: float, rate: float) -> torch.Tensor:
    """F0 ``(FRAMES + 1,)`` that swings by some cents."""
    time = torch.arange(FRAMES + 1) * (HOP / SAMPLE_RATE)
    return hertz * 2 ** (cents / 1200 * torch.sin(2 * torch.pi * rate * time))


def sound(*f0: torch.Tensor) -> torch.Tensor:
    """All partials of voices together, ``(samples,)``."""
    return harmonic_excitation(torch.stack(f0), FRAMES * HOP).sum(dim=0)


def with_shares(shares: list[list[float]], f0: torch.Tensor) -> SourceParameters:
    """Parameters of voices that have these shares in all frames."""
    ones = torch.ones_like(f0)[None]
    every = torch.tensor(shares)[None, :, None].expand(1, *f0.shape, len(OFFSETS))
    return SourceParameters(f0[None], ones, ones, ones[..., None], ones[..., :1], shares=every)


def estimate_of(shares: list[list[float]], voiced: bool = True) -> SourceEstimate:
    f0 = torch.full((len(shares), 10), 200.0 if voiced else 0.0)
    masks = torch.full((len(shares), 5, 10), 1 / len(shares))
    return SourceEstimate(with_shares(shares, f0), None, None, masks, torch.zeros(2, len(shares), 10))


WIDE, NARROW = [0.3, 0.1, 0.3, 0.1, 0.2], [0.02, 0.1, 0.7, 0.1, 0.08]


class TestWhoIsASection:
    def test_width_is_the_mean_of_outer_against_own_combs(self) -> None:
        estimated = estimate_of([WIDE, NARROW])
        assert estimated.parameters is not None
        assert width(estimated.parameters) == pytest.approx((0.5 / 0.3 + 0.1 / 0.7) / 2)

    def test_silent_voices_and_those_without_shares_have_none(self) -> None:
        silent = estimate_of([WIDE, WIDE], voiced=False).parameters
        assert silent is not None and width(silent) == 0.0 and width(replace(silent, shares=None)) == 0.0

    def test_wide_voices_are_sections_and_narrow_ones_are_not(self) -> None:
        assert are_sections(estimate_of([WIDE, WIDE])) and not are_sections(estimate_of([NARROW, NARROW]))

    def test_nobody_knows_in_a_room_nor_of_a_lone_voice_nor_of_too_many(self) -> None:
        wide = estimate_of([WIDE, WIDE])
        room = Reverberation(level=0.5, times=(1.0, 1.0, 1.0))
        assert not are_sections(replace(wide, room=room)) and not are_sections(replace(wide, parameters=None))
        assert not are_sections(estimate_of([WIDE])) and not are_sections(estimate_of([WIDE] * (MOST + 1)))


class TestTwoF0:
    def test_both_singers_of_a_stem_are_found(self) -> None:
        one, other = vibrato(220.0, 15, 5.3), vibrato(220.0 * 2 ** (40 / 1200), 20, 6.1)
        track = (one * other).sqrt()[None]
        found = pairs_of_f0(sound(one, other)[None], track)
        truth = torch.stack((other, one))
        off = (1200 * torch.log2(found[:, 0] / truth)).abs()[:, 5:-5]
        alone = (1200 * torch.log2(track / truth)).abs()[:, 5:-5]
        assert found.shape == (2, 1, FRAMES + 1) and off.median() < 8 < 15 < alone.median()

    def test_silence_stays_and_short_notes_are_sung_by_both_alike(self) -> None:
        track = torch.zeros(1, FRAMES + 1)
        track[0, 20:23] = 220.0
        assert torch.equal(
            pairs_of_f0(sound(vibrato(220.0, 15, 5.0))[None], track), torch.stack((track,) * 2)
        )


class TestAsPairs:
    def test_a_voice_has_the_mean_of_its_own_and_of_what_its_two_singers_claim(self) -> None:
        mixture, f0 = torch.randn(FRAMES * HOP), torch.full((3, FRAMES + 1), 200.0)
        masks = torch.rand(6, MASK_FFT // 2 + 1, FRAMES + 1)
        masks = masks / masks.sum(dim=0)
        own = masks[:3] / masks[:3].sum(dim=0)
        first = SourceEstimate(None, None, own, own, torch.zeros(2, 3, 1), None, own[:, 0])
        asked = []

        def again(pairs: torch.Tensor) -> SourceEstimate:
            asked.append(pairs.shape)
            return SourceEstimate(None, None, 2 * masks, masks, torch.zeros(2, 6, 1), None, masks[:, 0])

        found = as_pairs(mixture, f0, first, again)
        assert asked == [(6, FRAMES + 1)]
        both = masks[:3] + masks[3:]
        for mean, one, other in (
            (found.masks, own, both),
            (found.powers, own, 2 * both),
            (found.correction, own[:, 0], both[:, 0]),
        ):
            torch.testing.assert_close(mean, (one + other) / 2)
        assert torch.equal(found.energy, energies(found.masks, stft(mixture, MASK_FFT).abs()))

    @pytest.mark.parametrize(("wide", "partials"), [(True, True), (True, False), (False, True)])
    def test_a_section_is_estimated_twice_and_still_adds_up(
        self, wide: bool, partials: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        audio, tracks = music(2.0)
        mixture, f0 = torch.from_numpy(np.asarray(audio, np.float32)), tracks.as_input()
        voices: list[int] = []
        estimate = source_filter.estimate_sources

        def counted(mixture: torch.Tensor, f0: torch.Tensor, *given: object) -> SourceEstimate:
            voices.append(len(f0))
            return estimate(mixture, f0, *given)  # type: ignore[arg-type]

        monkeypatch.setattr(source_filter, "estimate_sources", counted)
        monkeypatch.setattr(source_filter, "are_sections", lambda estimated: wide)
        method = SourceFilter(untrained_comb, SourceFilterSettings(steps=3, partials=partials))
        found = method.estimate(Excerpt(mixture, f0), lambda share: None)
        assert voices == ([len(f0), 2 * len(f0)] if wide and partials else [len(f0)])
        assert found.parameters is not None and found.parameters.f0.shape[1] == len(f0)
        assert found.masks.shape == (len(f0), MASK_FFT // 2 + 1, frame_count(len(mixture)))
        torch.testing.assert_close(found.masks.sum(dim=0), torch.ones_like(found.masks[0]))
        if partials:
            assert found.correction is not None
            np.testing.assert_allclose(found.correction.sum(dim=0), 0, atol=1e-5)

    def test_both_singers_of_a_voice_are_read_by_its_own_decoder(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parts = ("soprano", "alto", "tenor", "bass")
        sizes = {"bands": 8, "units": 8, "blocks": 1}
        estimator = Estimator(EstimatorSettings(**sizes, names=parts, decoders=("alto", "bass"))).eval()
        read: list[list[int]] = []
        decode = network.decoders_of_voices

        def noted(*given: Any) -> list[int]:
            read.append(decode(*given))
            return read[-1]

        monkeypatch.setattr(network, "decoders_of_voices", noted)
        monkeypatch.setattr(source_filter, "are_sections", lambda estimated: True)
        audio, tracks = music(2.0)
        mixture, f0 = torch.from_numpy(np.asarray(audio, np.float32)), tracks.as_input()[:2]
        method = SourceFilter(estimator, SourceFilterSettings(steps=3))
        method.name_voices(("alto", "tenor"))  # twice two are as many as the estimator learned from
        method.estimate(Excerpt(mixture, f0), lambda share: None)
        assert [0, SHARED] in read and [0, SHARED, 0, SHARED] in read
        assert all(own in ([0, SHARED], [0, SHARED, 0, SHARED]) for own in read)
