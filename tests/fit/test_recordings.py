"""A folder of mixtures: what is used, what is passed over and why, and what the cache keeps."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from vocsep.errors import AudioError, VocsepError, VoicesNotFound
from vocsep.fit.recordings import Recordings, gather
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import SAMPLE_RATE, frame_count


class FakePitch:
    """Two voices a fifth apart wherever there is sound; counts how often it is asked."""

    def __init__(self) -> None:
        self.made = 0
        self.asked: list[int | None] = []
        self.error: BaseException | None = None

    def __call__(self) -> "FakePitch":
        self.made += 1
        return self

    def estimate(
        self,
        audio: NDArray[np.float32],
        voices: int | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> F0Tracks:
        if self.error is not None:
            raise self.error
        assert audio.dtype == np.float32
        self.asked.append(voices)
        if progress is not None:
            progress(0.5)
        rows = [330.0, 220.0, 165.0, 110.0][: voices or 2]
        return F0Tracks(np.repeat(np.array(rows)[:, None], frame_count(len(audio)), axis=1))


@pytest.fixture
def pitch() -> FakePitch:
    return FakePitch()


@pytest.fixture
def choir(tmp_path: Path) -> Path:
    return tmp_path / "choir"


def sing(
    path: Path, seconds: float = 2.0, sample_rate: int = 16_000, channels: int = 1, level: float = 0.3
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    audio = level * (np.sin(2 * np.pi * 220 * times) + np.sin(2 * np.pi * 330 * times))
    soundfile.write(path, np.repeat(audio[:, None], channels, axis=1), sample_rate)
    return path


def gathered(choir: Path, pitch: FakePitch, key: str = "fake", voices: int | None = None) -> Recordings:
    return gather(choir, choir.parent / "cache", pitch, key, voices=voices, seconds=1.0)


def test_every_recording_below_the_folder_is_read_at_16_khz(choir: Path, pitch: FakePitch) -> None:
    sing(choir / "b.wav", 2.0)
    sing(choir / "deep" / "er" / "a.flac", 3.0, sample_rate=44_100, channels=2)
    recordings = gathered(choir, pitch)
    assert [track.name for track in recordings.tracks] == ["b.wav", "a.flac"]
    assert recordings.seconds == pytest.approx(5.0, abs=0.001)
    assert recordings.passed_over == ()
    for track in recordings.tracks:
        assert track.f0.shape == (2, frame_count(len(track.audio)))
        spectrum = np.abs(np.fft.rfft(track.audio[:SAMPLE_RATE]))
        assert set(np.argsort(spectrum)[-2:]) == {220, 330}


def test_f0_is_estimated_once(choir: Path, pitch: FakePitch) -> None:
    sing(choir / "a.wav")
    once = gathered(choir, pitch)
    again = gathered(choir, pitch)
    assert (pitch.made, pitch.asked) == (1, [None])
    assert np.array_equal(once.tracks[0].f0, again.tracks[0].f0)
    assert np.array_equal(once.tracks[0].audio, again.tracks[0].audio)


def test_the_cache_is_for_this_content_this_pitch_model_and_these_voices(
    choir: Path, pitch: FakePitch
) -> None:
    path = sing(choir / "a.wav")
    gathered(choir, pitch)
    path.rename(choir / "renamed.wav")
    os.utime(choir / "renamed.wav", (1, 1))
    gathered(choir, pitch)
    assert len(pitch.asked) == 1
    gathered(choir, pitch, key="another model")
    assert len(pitch.asked) == 2
    assert gathered(choir, pitch, voices=3).tracks[0].f0.shape[0] == 3
    sing(choir / "renamed.wav", level=0.2)
    gathered(choir, pitch)
    assert pitch.asked == [None, None, 3, None]


def test_audio_stays_on_disk(choir: Path, pitch: FakePitch) -> None:
    sing(choir / "a.wav")
    assert isinstance(gathered(choir, pitch).tracks[0].audio, np.memmap)


def test_a_damaged_cache_is_made_again(choir: Path, pitch: FakePitch) -> None:
    sing(choir / "a.wav")
    good = gathered(choir, pitch).tracks[0]
    entries = sorted((choir.parent / "cache").iterdir())
    assert sorted(entry.suffix for entry in entries) == [".csv", ".npy"]
    for entry in entries:
        start = entry.read_bytes()[:20]
        entry.unlink()  # a new file, because the old one is still mapped
        entry.write_bytes(start)
    again = gathered(choir, pitch).tracks[0]
    assert np.array_equal(again.audio, good.audio)
    assert np.array_equal(again.f0, good.f0)


def test_broken_files_among_good_ones_are_passed_over_and_named(choir: Path, pitch: FakePitch) -> None:
    sing(choir / "good.wav")
    whole = sing(choir / "header.wav").read_bytes()
    (choir / "header.wav").write_bytes(whole[:30])
    (choir / "empty.wav").write_bytes(b"")
    sing(choir / "short.wav", seconds=0.5)
    sing(choir / "silent.wav", level=0.0)
    (choir / "lyrics.txt").write_text("not audio at all")
    recordings = gathered(choir, pitch)
    assert [track.name for track in recordings.tracks] == ["good.wav"]
    assert len(recordings.passed_over) == 4
    for name, line in zip(("empty", "header", "short", "silent"), recordings.passed_over, strict=True):
        assert f"{choir / name}.wav" in line
        assert "\n" not in line
    assert "0.5 s" in recordings.passed_over[2]
    assert "1.0 s" in recordings.passed_over[2]
    assert "silent" in recordings.passed_over[3]


def test_a_recording_without_voices_is_passed_over(choir: Path, pitch: FakePitch) -> None:
    sing(choir / "a.wav")
    pitch.error = VoicesNotFound("no sung voice was found")
    with pytest.raises(AudioError, match=r"none of its 1 audio files.*a\.wav.*no sung voice"):
        gathered(choir, pitch)


def test_a_folder_without_audio_says_so(choir: Path, pitch: FakePitch) -> None:
    with pytest.raises(AudioError, match="no such file or folder"):
        gathered(choir, pitch)
    choir.mkdir()
    (choir / "notes.txt").write_text("")
    with pytest.raises(AudioError, match="no recording"):
        gathered(choir, pitch)


def test_a_stop_in_between_keeps_what_is_done_and_nothing_half_done(choir: Path, pitch: FakePitch) -> None:
    sing(choir / "a.wav")
    gathered(choir, pitch)
    sing(choir / "b.wav", level=0.1)
    pitch.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        gathered(choir, pitch)
    pitch.error = None
    assert len(gathered(choir, pitch).tracks) == 2
    assert len(pitch.asked) == 2
    assert not [entry for entry in (choir.parent / "cache").iterdir() if entry.name.startswith(".")]


def test_progress_names_each_file_and_ends_at_one(choir: Path, pitch: FakePitch) -> None:
    sing(choir / "a.wav")
    sing(choir / "b.wav", level=0.2)
    told: list[tuple[str, float]] = []
    gather(
        choir,
        choir.parent / "cache",
        pitch,
        "fake",
        seconds=1.0,
        progress=lambda name, done: told.append((name, done)),
    )
    assert told == [("a.wav", 0.0), ("a.wav", 0.25), ("b.wav", 0.5), ("b.wav", 0.75), ("", 1.0)]


def test_a_cache_that_cannot_be_made_is_an_error_of_one_line(choir: Path, pitch: FakePitch) -> None:
    sing(choir / "a.wav")
    (choir.parent / "cache").write_text("a file is in the way")
    with pytest.raises(VocsepError, match="cache"):
        gathered(choir, pitch)


def test_copies_of_one_recording_share_the_cache(choir: Path, pitch: FakePitch) -> None:
    path = sing(choir / "a.wav")
    shutil.copy(path, choir / "copy.wav")
    assert len(gathered(choir, pitch).tracks) == 2
    assert len(pitch.asked) == 1
