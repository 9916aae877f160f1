"""Practice mixes: what is in front, what is on which side, and that nothing clips."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from vocsep.errors import AudioError
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.further import NoteFile, Written, refuse_further
from vocsep.separation.practice import PracticeMixes
from vocsep.transcription.notes import hertz

RATE = 16_000


def written(folder: Path, level: float = 0.2, channels: int = 2) -> tuple[Written, np.ndarray]:
    rng = np.random.default_rng(1)
    stems = (level * rng.uniform(-1, 1, (3, RATE // 4, channels))).astype(np.float32)
    paths = []
    for name, stem in zip(("high", "middle", "low"), stems, strict=True):
        paths.append(folder / f"{name}.wav")
        soundfile.write(paths[-1], stem, RATE, subtype="FLOAT")
    tracks = F0Tracks(np.full((3, 20), hertz(60.0)))
    return Written(paths, tracks, 2.0, "float", False), stems


def read(path: Path) -> np.ndarray:
    return np.asarray(soundfile.read(path, dtype="float64", always_2d=True)[0])


def test_the_others_are_ten_decibels_below(tmp_path: Path) -> None:
    done, stems = written(tmp_path)
    made = PracticeMixes().write(done)
    assert made == PracticeMixes().targets(done.stems)
    for voice, name in enumerate(("high", "middle", "low")):
        others = stems.sum(axis=0) - stems[voice]
        mix = read(tmp_path / f"{name}_practice.wav")
        assert mix == pytest.approx(stems[voice] + 10 ** (-10 / 20) * others, abs=1e-6)
        assert read(tmp_path / f"{name}_minus.wav") == pytest.approx(others, abs=1e-6)
        sides = read(tmp_path / f"{name}_left.wav")
        assert sides[:, 0] == pytest.approx(stems[voice].mean(axis=1), abs=1e-6)
        assert sides[:, 1] == pytest.approx(others.mean(axis=1), abs=1e-6)


def test_nothing_clips_and_mixes_keep_their_balance(tmp_path: Path) -> None:
    done, stems = written(tmp_path, level=0.9, channels=1)
    PracticeMixes().write(done)
    gains = []
    for voice, name in enumerate(("high", "middle", "low")):
        wanted = stems[voice] + 10 ** (-10 / 20) * (stems.sum(axis=0) - stems[voice])
        mix = read(tmp_path / f"{name}_practice.wav")
        assert np.abs(mix).max() <= 1.0
        gains.append(float(np.sum(mix * wanted) / np.sum(wanted**2)))
        assert mix == pytest.approx(gains[-1] * wanted, abs=1e-5)  # scaled, not cut
    assert gains == pytest.approx([gains[0]] * 3, abs=1e-5)
    assert gains[0] < 0.95


def test_minus_one_is_left_to_the_stems(tmp_path: Path) -> None:
    done, _ = written(tmp_path)
    mixes = PracticeMixes(minus=False)
    assert not any("minus" in path.name for path in mixes.write(done))


def test_files_that_exist_are_refused_before_any_work(tmp_path: Path) -> None:
    done, _ = written(tmp_path)
    (tmp_path / "low_left.wav").write_text("mine")
    with pytest.raises(AudioError, match=r"low_left.wav: exists already"):
        refuse_further([PracticeMixes()], done.stems, overwrite=False)
    refuse_further([PracticeMixes()], done.stems, overwrite=True)


def test_notes_stand_beside_the_stems_on_the_clock_of_the_recording(tmp_path: Path) -> None:
    mido = pytest.importorskip("mido")
    done, _ = written(tmp_path)
    assert NoteFile().write(done) == [tmp_path / "notes.mid"]
    track = mido.MidiFile(tmp_path / "notes.mid").tracks[2]
    assert track.name == "middle"
    sounding = [message for message in track if message.type in ("pitchwheel", "note_on")]
    assert sum(message.time for message in track[: track.index(sounding[0]) + 1]) == 2000  # ms
