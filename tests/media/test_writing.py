"""Writing: stems are complete, exact, of one common gain, and never half there."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from vocsep.errors import AudioError, SettingsError
from vocsep.media import writing
from vocsep.media.origin import SEPARATED, is_separated
from vocsep.media.reading import AudioInfo, BitDepth
from vocsep.media.writing import StemWriter, default_format


@pytest.fixture
def stems() -> np.ndarray:
    """``(stems, samples, channels)``, multiples of 2^-20 within +-0.25, so that float sums are exact."""
    return np.round(np.random.default_rng(0).uniform(-(2**18), 2**18, (3, 10_000, 2))) / 2**20


def write(folder: Path, stems: np.ndarray, block: int = 3000, **settings: object) -> StemWriter:
    names = [folder / f"voice_{index + 1}.wav" for index in range(len(stems))]
    with StemWriter(names, 44_100, stems.shape[-1], **settings) as writer:  # type: ignore[arg-type]
        for start in range(0, stems.shape[1], block):
            writer.write(list(stems[:, start : start + block]))
    return writer


def read(writer: StemWriter) -> np.ndarray:
    return np.stack([soundfile.read(path, always_2d=True)[0] for path in writer.paths])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_float_wav_is_the_identity_beyond_full_scale_too(stems: np.ndarray, tmp_path: Path) -> None:
    writer = write(tmp_path, 100 * stems, bit_depth="float")
    np.testing.assert_array_equal(read(writer), 100 * stems)
    assert writer.gain_db == 0.0
    assert names(tmp_path) == ["voice_1.wav", "voice_2.wav", "voice_3.wav"]
    assert soundfile.info(writer.paths[0]).subtype == "FLOAT"


@pytest.mark.parametrize(("format", "depth"), [("wav", 16), ("wav", 24), ("flac", 16), ("flac", 24)])
def test_integers_are_rounded_to_the_nearest(
    format: str, depth: BitDepth, stems: np.ndarray, tmp_path: Path
) -> None:
    writer = write(tmp_path, stems, format=format, bit_depth=depth)
    step = 2.0 ** (1 - int(depth))
    np.testing.assert_allclose(read(writer), stems, atol=0.5001 * step)
    assert writer.gain_db == 0.0
    assert soundfile.info(writer.paths[0]).subtype == f"PCM_{depth}"


def test_sixteen_bits_come_back_bit_for_bit_to_the_ends_of_the_scale(tmp_path: Path) -> None:
    every = np.arange(-(2**15), 2**15) / 2**15
    np.testing.assert_array_equal(read(write(tmp_path, every[None, :, None], bit_depth=16))[0, :, 0], every)


@pytest.mark.parametrize(("format", "depth"), [("wav", 16), ("flac", 24)])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_would_clip_gets_one_common_gain(
    format: str, depth: BitDepth, sign: int, stems: np.ndarray, tmp_path: Path
) -> None:
    stems[1, 77, 0] = sign * 2.0
    writer = write(tmp_path, stems, format=format, bit_depth=depth)
    gain = 10 ** (writer.gain_db / 20)
    assert gain == pytest.approx(0.5, rel=1e-4)
    np.testing.assert_allclose(read(writer), gain * stems, atol=2.0 ** (1 - int(depth)))
    assert np.max(np.abs(read(writer))) == pytest.approx(1, abs=2.0 ** (1 - int(depth)))


@pytest.mark.parametrize("format", ["mp3", "ogg"])
def test_lossy_stems_keep_their_length_and_their_sound(format: str, tmp_path: Path) -> None:
    time = np.arange(30_000) / 44_100
    tones = np.stack([0.5 * np.sin(2 * np.pi * f * time) for f in (220, 330)])[:, :, None]
    back = read(write(tmp_path, tones, format=format))
    assert back.shape == tones.shape
    assert np.mean((back - tones) ** 2) < 1e-3 * np.mean(tones**2)


def test_mono_blocks_may_be_flat(tmp_path: Path) -> None:
    with StemWriter([tmp_path / "a.wav"], 8000, 1, "wav", "float") as writer:
        writer.write([np.array([0.25, 0.5])])
    np.testing.assert_array_equal(read(writer)[0, :, 0], [0.25, 0.5])


def test_the_same_stems_make_the_same_bytes(
    stems: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for settings in ({"bit_depth": "float"}, {"format": "flac"}, {"format": "mp3"}):
        contents = []
        for attempt in range(2):
            writer = write(tmp_path / str(attempt), stems, overwrite=True, **settings)
            contents.append(writer.paths[0].read_bytes())
        assert contents[0] == contents[1]
        header = contents[0][:4096]
        if b"PEAK" in header:  # the time of writing, which would differ a second later
            assert header[header.index(b"PEAK") + 12 :][:4] == bytes(4)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_stays_when_the_work_is_broken_off(
    error: type[BaseException], stems: np.ndarray, tmp_path: Path
) -> None:
    targets = [tmp_path / "new" / "folder" / f"{index}.wav" for index in range(3)]
    with pytest.raises(error), StemWriter(targets, 8000, 2) as writer:
        writer.write(list(stems))
        assert len(names(tmp_path)) == 5
        raise error
    assert names(tmp_path) == []


def test_nothing_stays_when_encoding_fails_and_old_files_live_on(
    stems: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "voice_1.wav").write_text("old")
    encode = StemWriter._encode
    calls = []

    def full_disk(self: StemWriter, stage: Path, target: Path, gain: float) -> None:
        calls.append(target)
        encode(self, stage, target, gain)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(StemWriter, "_encode", full_disk)
    with pytest.raises(AudioError, match=r"cannot be written.*No space left on device"):
        write(tmp_path, stems, overwrite=True)
    assert names(tmp_path) == ["voice_1.wav"]
    assert (tmp_path / "voice_1.wav").read_text() == "old"


def test_existing_files_are_replaced_only_when_asked(stems: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "voice_2.wav").write_text("old")
    with pytest.raises(AudioError, match=r"voice_2\.wav: exists already"):
        write(tmp_path, stems)
    assert names(tmp_path) == ["voice_2.wav"]
    assert read(write(tmp_path, stems, overwrite=True)).shape == stems.shape


def test_a_folder_in_the_way_and_one_name_for_two_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(AudioError, match="is a folder"):
        StemWriter([tmp_path / "a.wav"], 8000, 1, overwrite=True)
    with pytest.raises(AudioError, match=r"b\.wav: named for two stems"):
        StemWriter([tmp_path / "b.wav", tmp_path / "b.wav"], 8000, 1)
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioError, match="cannot be written"):
        StemWriter([tmp_path / "file" / "c.wav"], 8000, 1)
    assert names(tmp_path) == ["a.wav", "file"]


def test_blocks_of_unequal_length_are_a_defect(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"\[3, 4\]"),
        StemWriter([tmp_path / "a.wav", tmp_path / "b.wav"], 8000, 1) as writer,
    ):
        writer.write([np.zeros(3), np.zeros(4)])


@pytest.mark.parametrize(
    ("rate", "channels", "format", "message"),
    [
        (44_100, 3, "mp3", "mp3 holds at most 2 channels, not 3"),
        (44_100, 9, "flac", "flac holds at most 8 channels, not 9"),
        (96_000, 2, "mp3", "mp3 has no rate of 96000 Hz"),
        (44_100, 2, "aac", "format 'aac' is none of wav, flac, mp3, ogg"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_before_any_work(
    rate: int, channels: int, format: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(AudioError, match=message):
        StemWriter([tmp_path / "a"], rate, channels, format)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("format", "subtype", "rate", "channels", "expected"),
    [
        ("WAV", "PCM_16", 44_100, 2, ("wav", 16)),
        ("WAV", "FLOAT", 44_100, 2, ("wav", "float")),
        ("AIFF", "PCM_24", 44_100, 2, ("wav", 24)),
        ("FLAC", "PCM_24", 192_000, 8, ("flac", 24)),
        ("MP3", "MPEG_LAYER_III", 44_100, 2, ("mp3", 16)),
        ("OGG", "VORBIS", 48_000, 2, ("ogg", 16)),
        ("OGG", "VORBIS", 48_000, 16, ("wav", 16)),
        ("FFMPEG", "FLOAT", 48_000, 2, ("wav", 16)),
    ],
)
def test_stems_are_by_default_as_the_input(
    format: str, subtype: str, rate: int, channels: int, expected: tuple[str, BitDepth]
) -> None:
    assert default_format(AudioInfo(Path("a"), rate, channels, 1, format, subtype)) == expected


def test_what_is_asked_for_is_kept_or_refused() -> None:
    info = AudioInfo(Path("a"), 44_100, 2, 1, "WAV", "FLOAT")
    assert default_format(info, "flac") == ("flac", 24)
    assert default_format(info, None, 16) == ("wav", 16)
    with pytest.raises(SettingsError, match="'float' is not in flac"):
        default_format(info, "flac", "float")
    with pytest.raises(SettingsError, match="format 'aac' is none of"):
        default_format(info, "aac")
    with pytest.raises(SettingsError, match="bit depth 12 is none of"):
        default_format(info, "wav", 12)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "ogg"])
def test_stems_say_that_they_were_separated_in_every_format(form: str, tmp_path: Path) -> None:
    audio = np.zeros((4000, 1), np.float32)
    with StemWriter([tmp_path / f"stem.{form}"], 16000, 1, form, comment=SEPARATED) as writer:
        writer.write([audio])
    soundfile.write(tmp_path / f"recorded.{form}", audio, 16000)
    (tmp_path / f"empty.{form}").touch()
    assert [is_separated(tmp_path / f"{name}.{form}") for name in ("stem", "recorded", "empty")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("depth", [16, 24, "float"])
def test_wav_beyond_what_it_can_count_becomes_rf64(
    depth: BitDepth, stems: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the limit lies is counted in bytes of the file, not of the float samples before it."""
    width = {16: 2, 24: 3, "float": 4}[depth]
    samples = stems[0].size
    for limit, container in ((samples * width, "WAV"), (samples * width - 1, "RF64")):
        monkeypatch.setattr(writing, "WAV_BYTES", limit)
        writer = write(tmp_path / container, stems, bit_depth=depth, comment=SEPARATED)
        assert soundfile.info(writer.paths[0]).format in (container, f"{container}EX")
        assert is_separated(writer.paths[0])
        np.testing.assert_allclose(read(writer), stems, atol=2.0**-15 if depth == 16 else 2.0**-23)
    assert (tmp_path / "RF64" / writer.paths[0].name).read_bytes()[:4] == b"RF64"


def test_w64_holds_floats_as_wav_does(stems: np.ndarray, tmp_path: Path) -> None:
    writer = write(tmp_path, 3 * stems, format="w64", bit_depth="float", comment=SEPARATED)
    assert soundfile.info(writer.paths[0]).format == "W64" and writer.gain_db == 0.0
    np.testing.assert_array_equal(read(writer), 3 * stems)
