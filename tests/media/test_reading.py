"""Reading: every rate and shape comes in right, and every bad file is one line."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from vocsep.errors import AudioError
from vocsep.media.finding import find_audio
from vocsep.media.reading import (
    analysis_stream,
    open_audio,
    read_audio,
    require_sound,
    to_analysis,
)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def write(
    path: Path, audio: np.ndarray, rate: int = 16_000, subtype: str | None = "FLOAT", **options: str
) -> Path:
    soundfile.write(path, audio, rate, subtype=subtype, **options)
    return path


def assert_one_line(caught: pytest.ExceptionInfo[AudioError], path: Path) -> None:
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_span_is_read_as_it_was_written(
    channels: int, generator: np.random.Generator, tmp_path: Path
) -> None:
    audio = generator.normal(size=(5000, channels)).astype(np.float32)
    path = write(tmp_path / "a.wav", audio, 44_100)
    with open_audio(path) as source:
        assert (source.info.sample_rate, source.info.channels, source.info.samples) == (
            44_100,
            channels,
            5000,
        )
        assert source.info.seconds == 5000 / 44_100
        for start, samples in [(0, 1000), (3000, 500), (100, 4000), (4900, 500), (6000, 10)]:
            np.testing.assert_array_equal(source.read(start, samples), audio[start : start + samples])


def test_start_and_duration_are_seconds(generator: np.random.Generator, tmp_path: Path) -> None:
    audio = generator.normal(size=(16_000, 2)).astype(np.float32)
    path = write(tmp_path / "a.wav", audio)
    np.testing.assert_array_equal(read_audio(path, 0.25, 0.5)[0], audio[4000:12_000])
    np.testing.assert_array_equal(read_audio(path, 0.5, float("inf"))[0], audio[8000:])
    for start, duration, message in [
        (1.0, None, "start 1 s"),
        (-1, None, "start -1 s"),
        (0, 0, "duration 0 s"),
    ]:
        with pytest.raises(AudioError, match=message) as caught:
            read_audio(path, start, duration)
        assert_one_line(caught, path)


@pytest.mark.parametrize(
    ("name", "subtype", "depth"),
    [
        ("a.wav", "PCM_16", 16),
        ("a.wav", "PCM_24", 24),
        ("a.wav", "PCM_32", "float"),
        ("a.wav", "FLOAT", "float"),
        ("a.wav", "PCM_U8", 16),
        ("a.flac", "PCM_24", 24),
        ("a.mp3", None, 16),
        ("a.ogg", None, 16),
    ],
)
def test_bit_depth_keeps_what_the_recording_holds(
    name: str, subtype: str | None, depth: object, tmp_path: Path
) -> None:
    path = write(tmp_path / name, np.zeros((4000, 1)), subtype=subtype)
    with open_audio(path) as source:
        assert source.info.bit_depth == depth
        assert source.info.format == Path(name).suffix[1:].upper()
        assert len(source.read(0, 4000)) == 4000


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_the_analysis_copy_has_the_same_sound_at_the_same_time(
    rate: int, generator: np.random.Generator
) -> None:
    samples = rate // 2 + 7
    peaks = generator.uniform(0.1, 0.4, 5)[:, None]
    phases = generator.uniform(0, 6, 5)[:, None]

    def chirps(time: np.ndarray) -> np.ndarray:  # Gaussian tone bursts under 3 kHz
        return np.sum(
            np.exp(-((time - peaks) ** 2) / 2e-4) * np.cos(2 * np.pi * 2000 * time + phases), axis=0
        )

    stereo = np.stack([chirps(np.arange(samples) / rate)] * 2, axis=1) * [1.5, 0.5]
    analysis = to_analysis(stereo, rate)
    assert analysis.dtype == np.float32
    assert len(analysis) == round(samples * 16_000 / rate)
    np.testing.assert_allclose(analysis, chirps(np.arange(len(analysis)) / 16_000), atol=1e-3)


def test_resampling_agrees_with_scipy(generator: np.random.Generator) -> None:
    audio = scipy.signal.lfilter([1], [1, -0.95], generator.normal(size=9600))  # little above 7 kHz
    expected = scipy.signal.resample_poly(audio, 1, 3, window=("kaiser", 12.0))
    difference = to_analysis(audio, 48_000) - expected
    assert np.std(difference[50:-50]) < 0.05 * np.std(expected)


@pytest.mark.parametrize(("rate", "block"), [(44_100, 1000), (16_000, 777), (192_000, 100_000)])
def test_reading_in_blocks_gives_the_same_analysis(
    rate: int, block: int, generator: np.random.Generator, tmp_path: Path
) -> None:
    audio = generator.normal(size=(rate // 2 + 11, 3)).astype(np.float32)
    path = write(tmp_path / "a.wav", audio, rate)
    with open_audio(path) as source:
        np.testing.assert_allclose(analysis_stream(source, block), to_analysis(audio, rate), atol=1e-6)
        part = audio[rate // 10 : rate // 10 + rate // 4]
        np.testing.assert_allclose(
            analysis_stream(source, block, 0.1, 0.25), to_analysis(part, rate), atol=1e-6
        )


def test_silent_and_shorter_than_a_frame_are_refused(tmp_path: Path) -> None:
    for samples, message in [(255, r"15\.9 ms long, under one frame of 16 ms"), (256, "silent")]:
        path = write(tmp_path / "a.wav", np.zeros(samples))
        with open_audio(path) as source, pytest.raises(AudioError, match=message) as caught:
            analysis_stream(source)
        assert_one_line(caught, path)
    require_sound(np.full(256, 2e-5, dtype=np.float32), "quiet but there")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_named_with_its_time(value: float, tmp_path: Path) -> None:
    audio = np.zeros((16_000, 2), dtype=np.float32)
    audio[4000:4010, 1] = value
    path = write(tmp_path / "a.wav", audio)
    with pytest.raises(AudioError, match=r"the sample at 0\.250 s is not a finite number") as caught:
        read_audio(path)
    assert_one_line(caught, path)


def test_bad_files_are_one_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # no ffmpeg
    whole = write(tmp_path / "whole.wav", np.zeros(1000)).read_bytes()
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "header.wav").write_bytes(whole[:30])
    (tmp_path / "text.wav").write_text("no sound at all\n" * 20)
    (tmp_path / "noise.raw").write_bytes(bytes(4000))
    write(tmp_path / "none.wav", np.zeros((0, 2)))
    write(tmp_path / "slow.wav", np.zeros(100), 7999)
    write(tmp_path / "fast.wav", np.zeros(100), 192_001)
    for name, message in [
        ("missing.wav", "no such file"),
        (".", "is a folder"),
        ("empty.wav", "is empty"),
        ("header.wav", "damaged"),
        ("text.wav", "damaged.*ffmpeg"),
        ("noise.raw", "ffmpeg"),
        ("none.wav", "holds no samples"),
        ("slow.wav", r"rate 7999 Hz is not within 8000 \.\. 192000 Hz"),
        ("fast.wav", "rate 192001 Hz is not within"),
    ]:
        with pytest.raises(AudioError, match=message) as caught:
            read_audio(tmp_path / name)
        assert_one_line(caught, tmp_path / name)


@pytest.mark.parametrize("name", ["a.flac", "a.wav", "a.mp3"])
def test_what_was_cut_off_is_read_as_far_as_it_goes_and_said(
    name: str, generator: np.random.Generator, tmp_path: Path
) -> None:
    path = write(tmp_path / name, generator.normal(size=50_000) * 0.1, subtype=None)
    whole = read_audio(path)[0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_audio(path) as source:
        assert re.fullmatch(r"ends at .* s of .* s: the last .* s are missing", source.missing)
        there = source.read(0, source.info.samples)
    assert 0.3 * len(whole) < len(there) < 0.7 * len(whole)
    sure = (
        len(there) - 1152 if name == "a.mp3" else len(there)
    )  # the last frame overlaps with one that is lost
    np.testing.assert_allclose(there[:sure], whole[:sure], atol=1e-6)
    with pytest.raises(AudioError, match="are missing") as caught, open_audio(path, strict=True):
        pass
    assert_one_line(caught, path)


def test_a_name_like_standard_input_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    audio = np.linspace(-1, 1, 400, dtype=np.float32)[:, None]
    write(Path("b.wav"), audio).rename("-")
    np.testing.assert_array_equal(read_audio("-")[0], audio)


def stand_in_for_ffmpeg(folder: Path, script: str) -> None:
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for ffmpeg is a shell script")
def test_other_formats_pass_through_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = np.linspace(-2, 2, 400, dtype=np.float32)[:, None]
    decoded = write(tmp_path / "decoded.wav", audio, 22_050)
    strange = tmp_path / "-y song.m4a"
    strange.write_bytes(b"not known to libsndfile" * 10)
    # Writes the prepared file to its last argument, and only for the input that it is to be called with.
    find = 'for a; do last="$a"; done; case "$*" in'
    script = f'{find} *"-i file:{strange} "*) cp "{decoded}" "${{last#file:}}";; esac'
    stand_in_for_ffmpeg(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with open_audio(strange) as source:
        assert (source.info.path, source.info.format, source.info.bit_depth) == (strange, "FFMPEG", 16)
        assert source.info.sample_rate == 22_050
        np.testing.assert_array_equal(source.read(0, 400), audio)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for ffmpeg is a shell script")
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo first >&2; echo no audio track >&2; exit 1", r"cannot decode it either \(no audio track\)"),
        ('echo "file:$PWD/a.m4a: Invalid data" >&2; exit 1', r"cannot decode it either \(Invalid data\)"),
        ("", "nothing"),
    ],
)
def test_what_ffmpeg_cannot_decode_is_one_line(
    script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_for_ffmpeg(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.m4a"
    path.write_bytes(b"nothing")
    with pytest.raises(AudioError, match=message) as caught:
        read_audio(path)
    assert_one_line(caught, path)


def test_folders_are_searched_in_order_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ["b/2.wav", "b/10.FLAC", "a.mp3", ".hidden.wav", ".git/x.wav", "b/notes.txt", "c.m4a"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = find_audio([tmp_path / "c.m4a", tmp_path, tmp_path / "b" / "notes.txt"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "c.m4a",
        "a.mp3",
        "b/10.FLAC",
        "b/2.wav",
        "b/notes.txt",
    ]
    (tmp_path / "silence").mkdir()
    for name, message in [("silence", "no recording in this folder"), ("none", "no such file or folder")]:
        with pytest.raises(AudioError, match=message):
            find_audio([tmp_path / name])
