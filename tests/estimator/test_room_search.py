"""The room without adaptation: found where there is one, and nothing is made of faint tails."""

import pytest
import torch
from in_a_room import heard, notes, plain_voices, response, singers
from scipy.signal import fftconvolve

from vocsep.estimator.room_search import find_room
from vocsep.methods.source_filter import SourceFilterSettings, estimate_sources
from vocsep.source.powers import voice_powers
from vocsep.source.reverberation import Reverberation
from vocsep.source.voice import synthesise
from vocsep.spectra import SAMPLE_RATE, frame_count


@pytest.mark.parametrize(("seconds", "level"), [(0.5, 0.8), (1.2, 2.0)])
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_a_known_room_is_found_whatever_the_level_of_the_voices(
    seconds: float, level: float, gain: float
) -> None:
    parameters, combs = singers()
    powers = voice_powers(parameters, combs)
    found = find_room(powers, gain * heard(Reverberation((seconds,) * 3, level).with_tails(powers)))
    assert found is not None
    assert found.times[1] == pytest.approx(seconds, rel=0.35)
    assert found.level == pytest.approx(level, rel=0.5)


@pytest.mark.parametrize("level", [0.0, 0.08])
def test_dry_voices_and_faint_tails_are_no_room(level: float) -> None:
    parameters, combs = singers()
    powers = voice_powers(parameters, combs)
    assert find_room(powers, heard(Reverberation((0.6,) * 3, level).with_tails(powers))) is None


def test_silence_is_no_room() -> None:
    assert find_room(torch.zeros(2, 1025, 100), torch.zeros(1025, 100)) is None


def test_without_adaptation_the_room_is_heard_in_a_recording_and_can_be_left_out() -> None:
    f0 = notes(frames=frame_count(4 * SAMPLE_RATE))
    dry = synthesise(plain_voices(f0[None]), 4 * SAMPLE_RATE)[0].sum(0)
    wet = torch.from_numpy(fftconvolve(dry, response(1.2, 1.0))[: len(dry)]).float()

    def room(mixture: torch.Tensor, **settings: bool) -> Reverberation | None:
        start = lambda m, tracks, combs: plain_voices(tracks)  # noqa: E731
        return estimate_sources(mixture, f0, start, SourceFilterSettings(steps=0, **settings)).room

    in_hall = room(wet)
    assert in_hall is not None
    assert in_hall.times[1] == pytest.approx(1.2, rel=0.35)
    assert room(dry) is None
    assert room(wet, room=False) is None
