"""Recordings of more than 4 GB, and of many hours: read to the end, and never held in memory."""

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from holes import sparse_recording

from vocsep.errors import AudioError
from vocsep.media import analysis_file, reading
from vocsep.media.analysis_file import give_back, new_copy, peak_of
from vocsep.media.joined import lacking_in_long
from vocsep.media.reading import analysis_stream, open_audio

FRAMES = 1_300_000_000  # 7.5 h of stereo, 5.2 GB
sparse_disk = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="makes whole files of 5 GB there"
)


@sparse_disk
@pytest.mark.parametrize("format", ["RF64", "W64"])
def test_more_than_four_gigabytes_are_read_to_their_last_sample(format: str, tmp_path: Path) -> None:
    path = sparse_recording(tmp_path / f"long.{format.lower()}", format, FRAMES, {0: 100, FRAMES - 1: 300})
    assert path.stat().st_size > 5e9
    with open_audio(path, strict=True) as source:
        assert (source.info.samples, source.info.format, source.missing) == (FRAMES, format, "")
        assert (source.read(0, 2) * 2**15).tolist() == [[100, 100], [0, 0]]
        assert (source.read(FRAMES - 2, 5) * 2**15).tolist() == [[0, 0], [300, 300]]


@sparse_disk
@pytest.mark.parametrize("format", ["RF64", "W64"])
def test_what_lacks_at_the_end_of_a_long_file_is_said(format: str, tmp_path: Path) -> None:
    path = sparse_recording(tmp_path / "cut", format, FRAMES, {5: 7}, cut=4 * 480_000)
    with open_audio(path) as source:
        assert source.info.samples == FRAMES - 480_000
        assert "the last 10.000 s are missing" in source.missing
    with pytest.raises(AudioError, match=r"10\.000 s are missing"), open_audio(path, strict=True):
        pass


@pytest.mark.parametrize("data", [b"", b"RIFF", b"riff", b"RF64" + bytes(40), b"riff" + bytes(80)])
def test_what_is_no_long_file_lacks_nothing(data: bytes) -> None:
    assert lacking_in_long(data) == 0


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every copy is long, and every piece of one short."""
    monkeypatch.setattr(analysis_file, "IN_MEMORY", 0)
    monkeypatch.setattr(analysis_file, "PEAK", 1000)
    monkeypatch.setattr(reading, "TURNED", 5000)


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("opposite", [False, True])
def test_a_copy_on_disk_is_the_one_in_memory(
    rate: int, opposite: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Also where channels cancel, and phases are turned piece by piece."""
    sound = np.random.default_rng(0).normal(0, 0.1, rate)
    audio = np.stack([sound, -sound if opposite else sound * 0.5], axis=1)
    soundfile.write(tmp_path / "a.wav", audio, rate, subtype="FLOAT")
    copies = []
    for _ in range(2):
        with open_audio(tmp_path / "a.wav") as source:
            copies.append(analysis_stream(source, block=3000))
        request.getfixturevalue("on_disk")
    assert not isinstance(copies[0], np.memmap) and isinstance(copies[1], np.memmap)
    np.testing.assert_allclose(copies[1], copies[0], atol=1e-6)
    assert np.abs(copies[0]).max() > 0.05


def test_what_is_given_back_can_be_read_again(on_disk: None) -> None:
    copy = new_copy(5000)[:, 0]
    copy[:] = np.arange(5000)
    copy[2500] = -9000.0
    kept = copy[100:200].copy()
    give_back(copy)
    give_back(kept)
    np.testing.assert_array_equal(copy[100:200], kept)
    assert peak_of(copy) == 9000.0 == peak_of(np.array(copy))


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="the system takes no such advice")
def test_memory_of_a_copy_is_given_back(on_disk: None) -> None:
    size = 1 << 24
    copy = new_copy(size)[:, 0]

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

    before = resident()
    copy[:] = 1.0
    assert resident() - before > 3 * size
    give_back(copy)
    assert resident() - before < size
