"""Two singers on one note beat, one does not; what cannot be told is not told."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vocsep.pitch import beats
from vocsep.pitch.beats import LONG, SHORT, Window, incoherence, unison_evidence
from vocsep.spectra import HOP, SAMPLE_RATE

FRAMES = 126
SAMPLES = (FRAMES - 1) * HOP
TIME = np.arange(SAMPLES) / SAMPLE_RATE


def sung(pitch: float, cents: float = 0.0, vibrato: float = 30.0, partials: int = 12) -> NDArray[np.float32]:
    """A singer on a MIDI number, with a vibrato of some cents, whose partials fall by 6 dB an octave."""
    wave = vibrato / 1200 * np.sin(2 * np.pi * 5.3 * TIME + cents)
    frequency = 440.0 * 2 ** ((pitch - 69) / 12 + cents / 1200 + wave)
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    sound = sum(np.cos(k * phase + 1.7 * k * k) / k for k in range(1, partials + 1))
    return np.asarray(sound, dtype=np.float32)


def line(pitch: float, vibrato: float = 30.0) -> NDArray[np.float64]:
    """The track of `sung`, in semitones."""
    time = np.arange(FRAMES) * HOP / SAMPLE_RATE
    return pitch + vibrato / 100 * np.sin(2 * np.pi * 5.3 * time)


def hertz(pitch: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nan_to_num(440.0 * 2 ** ((pitch - 69) / 12))


def middle(values: NDArray[np.float64]) -> float:
    return float(np.nanmedian(values[..., 20:-20]))


@pytest.mark.parametrize("window", [SHORT, LONG])
@pytest.mark.parametrize("pitch", [50, 60, 70])
def test_two_in_unison_are_out_of_step_and_one_is_not(window: Window, pitch: int) -> None:
    track = hertz(line(pitch))[None]
    alone = incoherence(sung(pitch), track, (window,))
    together = incoherence(sung(pitch, 12) + sung(pitch, -10), track, (window,))
    assert middle(alone) < 0.03
    assert middle(together) > 4 * middle(alone) and middle(together) > 0.1


def test_loudness_does_not_matter() -> None:
    track, sound = hertz(line(60))[None], sung(60, 12) + sung(60, -10)
    np.testing.assert_allclose(incoherence(8 * sound, track), incoherence(sound, track), atol=1e-4)


def test_a_track_may_be_a_little_off() -> None:
    assert middle(incoherence(sung(60), hertz(line(60.1))[None])) < 0.03


def test_partials_of_another_line_are_left_out() -> None:
    tracks = np.stack([line(64), line(52.5)])
    sound = sung(64) + sung(52.5)
    [apart] = incoherence(sound, hertz(tracks))
    assert middle(apart[0]) < 0.1 and middle(apart[1]) < 0.1
    assert middle(incoherence(sound, hertz(tracks[:1]))) > middle(apart[0])


def test_stretches_of_a_long_recording_are_heard_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, track = sung(60, 12) + sung(60, -10), hertz(line(60))[None]
    track[:, 50:56] = 0.0
    whole = incoherence(sound, track, (SHORT, LONG))
    monkeypatch.setattr(beats, "STRETCH", 27)
    np.testing.assert_allclose(incoherence(sound, track, (SHORT, LONG)), whole, atol=1e-4)


def test_evidence_says_who_sings_together() -> None:
    tracks = np.stack([line(69), line(69), line(57.5)])
    both = unison_evidence(sung(69, 11) + sung(69, -9) + sung(57.5), tracks)
    one = unison_evidence(sung(69) + sung(57.5), tracks)
    assert middle(both[0]) > 0 > middle(one[0])
    assert middle(both[2]) < 0 and middle(one[2]) < 0
    np.testing.assert_array_equal(both[0], both[1])  # they are on one line


def test_nothing_is_said_of_silence_nor_where_all_partials_are_others() -> None:
    silent = np.full(FRAMES, np.nan)
    assert not unison_evidence(sung(60), np.stack([silent, silent])).any()
    octaves = np.stack([line(72), line(60), silent])  # all of the upper one's partials are the lower one's
    said = unison_evidence(sung(72) + sung(60), octaves)
    assert not said[0].any() and not said[2].any()
    assert said[1].any()


def test_a_moment_is_too_short() -> None:
    assert not unison_evidence(np.zeros(3 * HOP, np.float32), np.full((2, 4), 60.0)).any()
