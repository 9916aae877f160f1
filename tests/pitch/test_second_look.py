"""F0 without tails: rows stay with their voices, and nobody is made up."""

import numpy as np
import pytest
import torch

from vocsep.errors import VoicesNotFound
from vocsep.pitch.second_look import f0_without_tails
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP

FRAMES = 50


class Ears:
    """Hears these tracks in whatever it is given, in order of height alone."""

    def __init__(self, *frequencies: float) -> None:
        self.assign = "notes"
        self.tracks = F0Tracks(np.repeat(np.array(frequencies)[:, None], FRAMES + 9, axis=1))

    def estimate(self, audio: np.ndarray, voices: int) -> F0Tracks:
        assert self.assign == "viterbi" and audio.dtype == np.float32 and voices == self.tracks.voices
        return self.tracks


def known(*frequencies: float) -> torch.Tensor:
    return torch.tensor(frequencies)[:, None].repeat(1, FRAMES)


@pytest.fixture
def mixture() -> torch.Tensor:
    return torch.randn((FRAMES - 1) * HOP, generator=torch.Generator().manual_seed(0))


def test_each_row_is_the_one_that_agrees_with_its_voice(mixture: torch.Tensor) -> None:
    ears = Ears(440.0, 331.0, 221.0)
    found = f0_without_tails(ears, mixture, known(220.0, 440.0, 330.0))  # type: ignore[arg-type]
    assert found is not None and ears.assign == "notes"
    torch.testing.assert_close(found, known(221.0, 440.0, 331.0))


def test_silence_agrees_with_nothing(mixture: torch.Tensor) -> None:
    f0 = known(0.0, 220.0)
    found = f0_without_tails(Ears(220.0, np.nan), mixture, f0)  # type: ignore[arg-type]
    assert found is not None and found[1].eq(220.0).all() and found[0].eq(0.0).all()


def test_where_too_little_is_left_there_is_no_second_answer(mixture: torch.Tensor) -> None:
    class Deaf:
        def estimate(self, audio: np.ndarray, voices: int) -> F0Tracks:
            raise VoicesNotFound("no voice found")

    assert f0_without_tails(Deaf(), mixture, known(220.0)) is None  # type: ignore[arg-type]
