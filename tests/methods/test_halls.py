"""Halls: who is in one, what is estimated twice there, and stems that still add up."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import music

from vocsep.methods import source_filter
from vocsep.methods.halls import LOUD, is_hall
from vocsep.methods.protocol import Excerpt, SourceEstimate
from vocsep.methods.source_filter import SourceFilter, SourceFilterSettings, untrained_comb
from vocsep.source.reverberation import Reverberation


def heard(level: float | None, voices: int = 3) -> SourceEstimate:
    room = None if level is None else Reverberation((1.0, 1.0, 1.0), level)
    return SourceEstimate(
        None, None, None, torch.ones(voices, 5, 4) / voices, torch.zeros(2, voices, 4), room
    )


def test_several_voices_with_loud_tails_are_in_a_hall() -> None:
    assert is_hall(heard(1.01 * LOUD)) and not is_hall(heard(0.99 * LOUD))
    assert not is_hall(heard(None)) and not is_hall(heard(2.0, voices=1))


class TestTwice:
    def estimated(
        self, excerpt: Excerpt, monkeypatch: pytest.MonkeyPatch, hall: bool = True, **settings: bool
    ) -> tuple[SourceEstimate, list[torch.Tensor]]:
        """What the method says where it takes the mixture for one in a hall, and the F0 it was asked for."""
        asked: list[torch.Tensor] = []
        estimate = source_filter.estimate_sources

        def noted(mixture: torch.Tensor, f0: torch.Tensor, *given: object) -> SourceEstimate:
            asked.append(f0)
            return estimate(mixture, f0, *given)  # type: ignore[arg-type]

        monkeypatch.setattr(source_filter, "estimate_sources", noted)
        monkeypatch.setattr(source_filter, "is_hall", lambda estimated: hall)
        method = SourceFilter(untrained_comb, SourceFilterSettings(steps=3, **settings))
        return method.estimate(excerpt, lambda share: None), asked

    @pytest.fixture
    def excerpt(self) -> Excerpt:
        audio, tracks = music(2.0)
        return Excerpt(torch.from_numpy(np.asarray(audio, np.float32)), tracks.as_input())

    def test_stems_are_the_mean_of_both_and_add_up(
        self, excerpt: Excerpt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = 1.01 * excerpt.f0
        found, asked = self.estimated(replace(excerpt, f0_again=lambda: other), monkeypatch)
        assert asked[0] is excerpt.f0 and asked[1] is other and len(asked) == 2
        one, two = (self.estimated(replace(excerpt, f0=f0), monkeypatch)[0] for f0 in (excerpt.f0, other))
        assert not torch.allclose(one.masks, two.masks)
        torch.testing.assert_close(found.masks, (one.masks + two.masks) / 2)
        torch.testing.assert_close(found.masks.sum(dim=0), torch.ones_like(found.masks[0]))
        assert found.correction is not None and one.correction is not None and two.correction is not None
        torch.testing.assert_close(found.correction, (one.correction + two.correction) / 2)

    @pytest.mark.parametrize("why", ["no hall", "left out", "known", "nothing heard"])
    def test_else_once(self, why: str, excerpt: Excerpt, monkeypatch: pytest.MonkeyPatch) -> None:
        def again() -> torch.Tensor | None:
            return None if why == "nothing heard" else excerpt.f0

        given = excerpt if why == "known" else replace(excerpt, f0_again=again)
        _, asked = self.estimated(given, monkeypatch, why != "no hall", halls=why != "left out")
        assert len(asked) == 1
