"""Recordings that were joined, streamed or written without a length are read to their end."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vocsep.errors import AudioError
from vocsep.media import joined as parts_of_files
from vocsep.media.joined import flac_parts, ogg_links, wav_parts
from vocsep.media.mpeg import frame_header, scan
from vocsep.media.reading import open_audio, read_audio

RATE = 16_000


def tone(path: Path, seconds: float, rate: int = RATE, hertz: float = 220.0) -> Path:
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate), rate)
    return path


def joined(target: Path, *parts: Path) -> Path:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_files_joined_end_to_end_are_read_to_the_end(suffix: str, tmp_path: Path) -> None:
    parts = [tone(tmp_path / f"{hertz}.{suffix}", 1.5, hertz=hertz) for hertz in (220.0, 330.0, 440.0)]
    whole, rate = read_audio(joined(tmp_path / f"joined.{suffix}", *parts))
    assert rate == RATE
    assert abs(len(whole) - 3 * 1.5 * RATE) < 3 * 1152
    for number, hertz in enumerate((220.0, 330.0, 440.0)):  # each where it belongs
        middle = round((1.5 * number + 0.75) * RATE)
        spectrum = np.abs(np.fft.rfft(whole[middle - 4000 : middle + 4000, 0]))
        assert abs(float(np.argmax(spectrum)) * RATE / 8000 - hertz) <= 2.0
    with open_audio(tmp_path / f"joined.{suffix}") as source:
        assert source.info.format == suffix.upper() and source.missing == ""


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_parts_that_do_not_go_together_are_refused(suffix: str, tmp_path: Path) -> None:
    parts = [tone(tmp_path / f"{rate}.{suffix}", 1, rate) for rate in (16_000, 22_050)]
    with pytest.raises(AudioError, match="parts of different rates"):
        read_audio(joined(tmp_path / f"joined.{suffix}", *parts))


def test_a_flac_whose_first_mark_is_damaged_is_one_line(tmp_path: Path) -> None:
    """Found by ``benchmarks.fuzz --seed 2``: libsndfile opens it, and no stream begins in it."""
    data = bytearray(tone(tmp_path / "a.flac", 1.0).read_bytes())
    data[7] = 0x23  # one byte more than this block has
    (tmp_path / "a.flac").write_bytes(data[:2000])
    assert flac_parts(bytes(data[:2000])) == []
    with pytest.raises(AudioError, match=r"a\.flac: (holds no samples|damaged)") as caught:
        read_audio(tmp_path / "a.flac")
    assert "\n" not in str(caught.value)


def test_an_mp3_without_its_mark_is_whole(tmp_path: Path) -> None:
    data = tone(tmp_path / "a.mp3", 10, 44_100).read_bytes()
    frames = scan(data)
    assert frames is not None and frames.as_marked and frames.first_mark is not None
    bare = tmp_path / "bare.mp3"
    bare.write_bytes(data[: frames.first_mark[0]] + data[frames.first_mark[1] :])
    whole = len(read_audio(tmp_path / "a.mp3")[0])
    assert 0 <= len(read_audio(bare)[0]) - whole <= 3 * 1152  # what the encoder padded is not known any more


def test_a_picture_in_front_of_an_mp3_is_no_sound(tmp_path: Path) -> None:
    data = tone(tmp_path / "a.mp3", 3).read_bytes()
    size = 100_000
    tag = b"ID3\x04\x00\x00" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    (tmp_path / "b.mp3").write_bytes(tag + b"\xff\xfb\x90\x64" * (size // 4) + data)
    np.testing.assert_array_equal(read_audio(tmp_path / "b.mp3")[0], read_audio(tmp_path / "a.mp3")[0])


def test_a_flac_of_unknown_length_is_whole(tmp_path: Path) -> None:
    data = bytearray(tone(tmp_path / "a.flac", 3.21).read_bytes())
    data[21] &= (
        0xF0  # the number of samples, 36 bits of STREAMINFO, as an encoder leaves it that writes to a pipe
    )
    data[22:26] = bytes(4)
    (tmp_path / "b.flac").write_bytes(data)
    np.testing.assert_array_equal(read_audio(tmp_path / "b.flac")[0], read_audio(tmp_path / "a.flac")[0])


def test_a_wav_of_unknown_length_promises_nothing(tmp_path: Path) -> None:
    data = bytearray(tone(tmp_path / "a.wav", 1).read_bytes())
    for size in (0xFFFF_FFFF, 0):
        at = data.index(b"data") + 4
        data[4:8] = data[at : at + 4] = size.to_bytes(4, "little")
        assert wav_parts(bytes(data)) == ([(0, len(data))], 0)


def test_an_ogg_without_its_end_mark_was_cut_off(tmp_path: Path) -> None:
    data = tone(tmp_path / "a.ogg", 4).read_bytes()
    assert ogg_links(data) == ([(0, len(data))], True)
    assert ogg_links(data[:-100])[1] is False


def test_bytes_that_are_no_recording_have_no_parts() -> None:
    noise = np.random.default_rng(0).bytes(50_000)
    assert flac_parts(noise) == [] and ogg_links(noise)[0] == [] and wav_parts(noise) == ([], 0)
    assert scan(noise) is None and scan(b"") is None and scan(b"\xff" * 1000) is None


def test_heads_of_frames_follow_the_tables_of_the_standard() -> None:
    """Sizes against the formula of ISO 11172-3, 2.4.3.1, on every head there is."""
    for version, bitrate, rate, padding, mode in itertools.product(
        (3, 2, 0), range(1, 15), range(3), (0, 1), (0, 3)
    ):
        head = bytes([0xFF, 0xE2 | version << 3, bitrate << 4 | rate << 2 | padding << 1, mode << 6])
        header = frame_header(head)
        assert header is not None and header.channels == (1 if mode == 3 else 2)
        kilobits = header.size * 8 * header.rate / header.samples / 1000
        # The nearest rate of bits that the layer has, within what padding and rounding change.
        assert abs(kilobits - round(kilobits / 8) * 8) <= 8 * 2 * header.rate / header.samples / 1000
    assert frame_header(b"\xff\xfb\xf0\x64") is None and frame_header(b"\xff\xfb") is None


def test_flac_streams_are_found_across_the_edges_of_what_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = [0, 60, 95, 163, 200]
    data = bytearray(300)
    for number, start in enumerate(starts):
        data[start : start + 8] = parts_of_files.FLAC_STARTS[number % 2]
    whole = flac_parts(bytes(data))
    assert [start for start, _ in whole] == starts
    for window in (7, 50, 100):
        monkeypatch.setattr(parts_of_files, "WINDOW", window)
        assert flac_parts(bytes(data)) == whole
