"""Second runs: the folder adds up afterwards, and nobody else's files are touched."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vocsep.errors import AudioError
from vocsep.media.origin import SEPARATED, separated_from
from vocsep.media.reading import AudioInfo, open_audio
from vocsep.media.writing import StemWriter, default_format
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.earlier import EarlierStems
from vocsep.separation.settings import OutputSettings
from vocsep.separation.stem_files import plan_files


def stems(paths: Sequence[Path], comment: str, format: str = "wav") -> None:
    with StemWriter(paths, 8000, 1, format, comment=comment) as writer:
        writer.write([np.zeros(800)] * len(paths))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, np.full(800, 0.1), 8000)
    return path


def test_earlier_stems_of_the_same_recording_are_found_and_nothing_else(recording: Path) -> None:
    folder, own = recording.parent / "stems", separated_from(recording, 800)
    earlier = ["voice_3.wav", "voice_3_minus.wav", "alto.wav", "voice_1.flac"]
    other = separated_from(recording, 801)
    stems([folder / "voice_1.wav", folder / "voice_1_minus.wav", folder / "voice_4_of_mine.ogg"], own)
    for name in earlier:
        stems([folder / name], own, name.split(".")[1])
    stems([folder / "of_another_song.wav"], other)
    stems([folder / "of_an_older_version.wav"], SEPARATED)
    soundfile.write(folder / "voice_9.wav", np.zeros(800), 8000)  # sung by somebody
    (folder / "voice_8.wav").write_text("no audio at all")
    (folder / "voice_4_of_mine.ogg").unlink()
    found = EarlierStems(own, [folder / "voice_1.wav"], recording)
    assert [path.name for path in found.found()] == sorted(earlier)
    assert sorted(path.name for path in found.remove()) == sorted(earlier)
    assert found.found() == []
    assert len(list(folder.iterdir())) == 6


def test_stems_of_an_older_version_are_known_by_their_names(recording: Path) -> None:
    folder = recording.parent
    stems([folder / "voice_2.wav"], SEPARATED)
    written = [folder / "voice_1.wav"]
    comment = separated_from(recording, 800)
    assert EarlierStems(comment, written, recording).found() == [folder / "voice_2.wav"]
    assert EarlierStems(comment, written, folder / "voice_2.wav").found() == []  # is what was separated


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_second_run_with_fewer_voices(recording: Path, overwrite: bool) -> None:
    folder = recording.parent / "stems"
    with open_audio(recording) as source:
        info = source.info
    stems([folder / "voice_3.wav"], separated_from(recording, 800))
    files = plan_files(info, folder, 2, OutputSettings(overwrite=overwrite))
    stems(files.stems, separated_from(recording, 800))
    extra, removed, said = files.write_further(F0Tracks(np.full((2, 7), 220.0)), 0.0)
    assert extra == [] and removed == ([folder / "voice_3.wav"] if overwrite else [])
    assert ("voice_3.wav" in said) is not overwrite
    assert (folder / "voice_3.wav").exists() is not overwrite


def test_a_format_that_cannot_hold_the_rate_is_refused_before_any_work() -> None:
    info = AudioInfo(Path("a.wav"), 96_000, 2, 1, "WAV", "PCM_16")
    with pytest.raises(AudioError, match=r"a\.wav: mp3 has no rate of 96000 Hz"):
        default_format(info, "mp3")
    assert default_format(info, "ogg") == ("ogg", 16)
    with pytest.raises(AudioError, match="flac holds at most 8 channels"):
        default_format(AudioInfo(Path("a.wav"), 48_000, 12, 1, "WAV", "PCM_16"), "flac")
