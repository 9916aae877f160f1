"""What a notebook shows: players that play, pictures of bounded size, one line instead of arrays."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile

from vocsep.pitch.tracks import F0Tracks
from vocsep.player.notebook import COLUMNS, LONGEST, pitch_svg, separation_html
from vocsep.player.sound import RATE
from vocsep.separation.results import Separation


def separation(seconds: int, channels: int = 1, rate: int = 8000) -> Separation:
    times = np.arange(seconds * rate) / rate
    stems = np.stack([0.3 * np.sin(2 * np.pi * f * times) for f in (440.0, 220.0)]).astype(np.float32)
    if channels > 1:
        stems = np.repeat(stems[:, :, None], channels, axis=2)
    frames = seconds * 125 // 2 + 1
    tracks = F0Tracks(np.repeat([[440.0], [220.0]], frames, axis=1), names=("a < b", "bass"))
    sure = np.full((2, seconds), 0.5, np.float32)
    return Separation(stems, rate, tracks, None, None, sure, {"pitch": 1.0}, ["beware"])


@pytest.mark.parametrize("channels", [1, 2])
def test_each_voice_has_a_player_with_its_sound(channels: int) -> None:
    html = separation(3, channels)._repr_html_()
    sounds = re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', html)
    for sound, hertz in zip(sounds, (440, 220), strict=True):
        audio, rate = soundfile.read(io.BytesIO(base64.b64decode(sound)))
        assert (rate, len(audio)) == (RATE, 3 * RATE)
        assert np.abs(np.fft.rfft(audio)).argmax() == pytest.approx(3 * hertz, abs=1)
    assert "a &lt; b" in html and "a < b" not in html
    assert html.count("A4 to A4") == html.count("A3 to A3") == 1 and "50 %" in html


def test_a_long_recording_shows_no_more_than_a_short_one() -> None:
    minute, long = separation(int(LONGEST)), separation(3 * int(LONGEST))
    html = long._repr_html_()
    assert len(html) < 1.1 * len(minute._repr_html_())
    assert f"the first {LONGEST:.0f} s" in html
    points = re.findall(r"[ML][\d.]+ [\d.]+", pitch_svg(F0Tracks(np.full((1, 100_000), 440.0))))
    assert 0.5 * COLUMNS < len(points) <= COLUMNS


def test_a_voice_that_is_silent_is_said_to_be_so() -> None:
    tracks = F0Tracks(np.full((1, 63), np.nan))
    html = separation_html(np.zeros((1, 8000), np.float32), 8000, tracks, np.full((1, 1), np.nan, np.float32))
    assert "never sings" in html and "nan" not in html


def test_results_say_what_they_are_in_one_line() -> None:
    result = separation(3)
    assert repr(result) == "Separation(2 voices, 3.0 s, 8000 Hz, 1 warnings)"
    assert repr(result.tracks) == "F0Tracks(2 voices, 3.0 s, a < b, bass)"
    assert repr(F0Tracks(np.full((1, 626), 440.0))) == "F0Tracks(1 voices, 10.0 s)"
