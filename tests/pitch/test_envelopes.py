"""Envelopes of tracks: what was sung on each, whoever sings along."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.fft import dct

from vocsep.pitch import envelopes
from vocsep.pitch.envelopes import BANDS, COEFFICIENTS, EVERY, LOWEST, TOP, track_envelopes
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

FRAMES = 240
PITCH = np.array([[50.3] * FRAMES, [57.9] * FRAMES])
FORMANTS = (500.0, 1800.0)  # Hz, the middle of what each of both is loud at


def envelope(voice: int, hertz: Array) -> Array:
    """Amplitude: 20 dB more within a few hundred Hz."""
    return np.asarray(0.01 + 0.1 * np.exp(-(((hertz - FORMANTS[voice]) / 400) ** 2)))


def sung(voice: int) -> NDArray[np.float32]:
    time = np.arange(FRAMES * HOP) / SAMPLE_RATE
    partials = 440 * 2 ** ((PITCH[voice, 0] - 69) / 12) * np.arange(1, 80)
    partials = partials[partials < 7_500]
    waves = np.cos(2 * np.pi * partials * time[:, None] + np.arange(len(partials)) ** 2)
    return np.asarray(waves @ envelope(voice, partials), dtype=np.float32)


def cepstrum(voice: int) -> Array:
    """Of the envelope itself, where the bands are."""

    def mel(hertz: float) -> float:
        return float(2595 * np.log10(1 + hertz / 700))

    places = np.linspace(mel(LOWEST), mel(TOP), BANDS + 2)[1:-1]
    return np.asarray(
        dct(np.log(envelope(voice, 700 * (10 ** (places / 2595) - 1))), norm="ortho")[1 : COEFFICIENTS + 1]
    )


# The higher a voice, the less of its envelope is heard: there are bands without a partial.
@pytest.mark.parametrize(("voice", "share"), [(0, 0.25), (1, 0.7)])
def test_cepstra_are_those_of_what_was_sung(voice: int, share: float) -> None:
    found, heard = track_envelopes(sung(0) + sung(1), PITCH)
    assert heard[:, 2:-2].all()
    own, others = (np.linalg.norm(found[voice, 2:-2] - cepstrum(one), axis=1) for one in (voice, 1 - voice))
    assert (own < share * others).all()


def test_others_leave_a_cepstrum_as_it_is() -> None:
    alone = track_envelopes(sung(0), PITCH[:1])[0][0]
    together = track_envelopes(sung(0) + sung(1), PITCH)[0][0]
    assert np.linalg.norm(together - alone, axis=1)[2:-2].max() < 1.0


def test_the_level_is_not_told() -> None:
    loud, soft = (track_envelopes(gain * (sung(0) + sung(1)), PITCH)[0] for gain in (1.0, 0.03))
    np.testing.assert_allclose(soft, loud, atol=0.02)


def test_blocks_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = track_envelopes(sung(0) + sung(1), PITCH)
    monkeypatch.setattr(envelopes, "BLOCK", 17)
    parts = track_envelopes(sung(0) + sung(1), PITCH)
    # Updates begin with the mean of a block.
    np.testing.assert_allclose(parts[0], whole[0], atol=0.2)
    np.testing.assert_array_equal(parts[1], whole[1])


def test_nothing_is_heard_of_who_is_silent_faint_or_not_alone() -> None:
    half = FRAMES // 2
    pitch, audio = PITCH.copy(), sung(0) + sung(1)
    pitch[0, :half] = np.nan
    heard = track_envelopes(audio, pitch)[1]
    assert not heard[0, : half // EVERY].any() and heard[1].all()
    fading = sung(0) * np.repeat([1.0, 0.002], half * HOP).astype(np.float32)
    faint = track_envelopes(fading, PITCH[:1])[1][0]
    assert faint[: half // EVERY - 1].all() and not faint[half // EVERY + 2 :].any()
    assert not track_envelopes(audio, np.stack((PITCH[0], PITCH[0] + 0.4)))[1].any()


def test_nobody_sings() -> None:
    cepstra, heard = track_envelopes(sung(0), np.full((3, FRAMES), np.nan))
    assert np.isfinite(cepstra).all() and not heard.any()


@pytest.mark.parametrize("frames", [1, 3, 4, 5, 63])
def test_there_are_as_many_windows_as_frames_have(frames: int) -> None:
    audio = sung(0)[: max(frames - 1, 0) * HOP]
    cepstra, heard = track_envelopes(audio, PITCH[:, :frames])
    assert cepstra.shape == (2, -(-frames // EVERY), COEFFICIENTS) and heard.shape == cepstra.shape[:2]
