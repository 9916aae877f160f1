"""Recordings that come through pipes are read as files are."""

import io
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vocsep.errors import AudioError
from vocsep.media import decode
from vocsep.media.mpeg import scan
from vocsep.media.reading import open_audio, read_audio


@pytest.fixture
def sound(tmp_path: Path) -> tuple[bytes, np.ndarray]:
    audio = (0.1 * np.random.default_rng(0).standard_normal((800, 1))).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", audio, 8000, subtype="FLOAT")
    return (tmp_path / "a.wav").read_bytes(), audio


def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    class Input(io.TextIOWrapper):
        def fileno(self) -> int:
            return reading

    reading, writing = os.pipe()
    os.close(writing)
    monkeypatch.setattr(sys, "stdin", Input(io.BytesIO(data)))


def test_standard_input_is_called_by_a_dash(
    sound: tuple[bytes, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")  # ffmpeg has other words for it
    standard_input(monkeypatch, sound[0])
    audio, rate = read_audio("-")
    assert rate == 8000 and np.array_equal(audio, sound[1])
    standard_input(monkeypatch, sound[0][:30])
    with pytest.raises(AudioError, match=r"^-: damaged"), open_audio("-"):
        pass
    standard_input(monkeypatch, b"")
    with pytest.raises(AudioError, match=r"^-: nothing came through the pipe"), open_audio("-"):
        pass
    (tmp_path / "-").write_bytes(sound[0])  # whoever calls a file so gets it
    assert np.array_equal(read_audio("-")[0], sound[1])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_read_once_and_to_its_end(sound: tuple[bytes, np.ndarray], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[sound[0]])
    writer.start()
    with open_audio(pipe) as source:
        assert np.array_equal(source.read(400, 400), sound[1][400:])
        assert np.array_equal(source.read(0, 800), sound[1])
        assert source.info.path == pipe
    writer.join()


def test_what_is_no_file_and_no_pipe_is_named(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "is a folder"), (tmp_path / "none.wav", "no such file")):
        with pytest.raises(AudioError, match=words), open_audio(path):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
def test_names_need_not_be_utf8(sound: tuple[bytes, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"T\xe9nor.wav")
    path.write_bytes(sound[0])
    assert np.array_equal(read_audio(path)[0], sound[1])


def test_a_file_is_walked_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked = []

    def counted(data: bytes) -> object:
        walked.append(len(data))
        return scan(data)

    monkeypatch.setattr(decode, "scan", counted)
    path = tmp_path / "a.mp3"
    for count, seconds in ((1, 1), (2, 2)):
        soundfile.write(path, np.zeros(8000 * seconds), 8000)
        for _ in range(3):
            with open_audio(path) as source:
                assert source.info.seconds == pytest.approx(seconds, abs=0.2)
        assert len(walked) == count
