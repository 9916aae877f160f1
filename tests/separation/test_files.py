"""Separation of files: names, parts, formats, refusals, and nothing half-written."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import F0, music, refused, tiny_models

from vocsep.errors import AudioError, F0Error, SettingsError, VocsepError
from vocsep.methods.protocol import Excerpt, Progress, SeparationMethod, SourceEstimate
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation import chunk_stems as module
from vocsep.separation.chunks import plan_chunks
from vocsep.separation.separator import Separator
from vocsep.spectra import SAMPLE_RATE

Recording = tuple[Path, np.ndarray, F0Tracks]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def separator(weights: dict[str, Path]) -> Separator:
    """The quickest way to stems: files are the point."""
    return Separator(**weights, device="cpu", adapt=0, postfilter=False, filter="mask")


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 4 s, so that a few seconds have several."""
    monkeypatch.setattr(module, "plan_chunks", partial(plan_chunks, length=4))


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    audio, tracks = music(3.0, 22_050, 2)
    path = tmp_path / "mix.wav"
    soundfile.write(path, audio, 22_050, subtype="FLOAT")
    return path, audio, tracks


def read(path: Path) -> np.ndarray:
    audio, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(audio)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_of_stems_add_up_to_the_file(
    weights: dict[str, Path], recording: Recording, tmp_path: Path
) -> None:
    path, audio, tracks = recording
    separator = Separator(**weights, device="cpu", adapt=2)  # all that is there
    report = separator.separate_file(path, tmp_path / "stems", tracks=tracks)
    assert names(tmp_path / "stems") == ["voice_1.wav", "voice_2.wav", "voice_3.wav"]
    assert [stem.name for stem in report.stems] == names(tmp_path / "stems") and report.extra == []
    stems = [read(stem) for stem in report.stems]
    np.testing.assert_allclose(np.sum(stems, axis=0), audio, atol=2e-6)
    info = soundfile.info(report.stems[0])
    assert (info.samplerate, info.channels, info.frames, info.subtype) == (22_050, 2, len(audio), "FLOAT")
    memory = separator.separate(audio, 22_050, tracks=tracks)
    np.testing.assert_allclose(np.stack(stems), memory.stems, atol=1e-6)


def test_the_report_says_what_was_done(separator: Separator, recording: Recording, tmp_path: Path) -> None:
    path, audio, tracks = recording
    report = separator.separate_file(path, tmp_path / "stems", 3, tracks=tracks, synth=True)
    assert (report.voices, report.channels, report.sample_rate, report.samples) == (3, 2, 22_050, len(audio))
    assert report.seconds_of_audio == pytest.approx(3.0) and report.gain_db == 0.0
    assert [round(voice.median_hz) for voice in report.statistics] == [pytest.approx(f, abs=3) for f in F0]
    assert set(report.elapsed) == {"pitch", "separation"}
    assert report.confidence.shape == (3, 3)
    plain = report.to_dict()
    assert (
        json.loads(json.dumps(plain["confidence"])) == plain["confidence"] and len(plain["confidence"]) == 3
    )
    assert plain["input"] == str(path) and plain["stems"] == [str(stem) for stem in report.stems]


@pytest.mark.usefixtures("short_chunks")
def test_files_of_several_chunks_are_those_of_memory(separator: Separator, tmp_path: Path) -> None:
    audio, tracks = music(13.4, 16_000, 1)
    soundfile.write(tmp_path / "mix.wav", audio, 16_000, subtype="FLOAT")
    report = separator.separate_file(
        tmp_path / "mix.wav", tmp_path / "out", tracks=tracks, synth=True, minus_one=True
    )
    memory = separator.separate(audio, 16_000, tracks=tracks)
    stems = np.stack([read(path) for path in report.stems])
    np.testing.assert_allclose(stems, memory.stems, atol=1e-6)
    sung = np.stack([read(tmp_path / "out" / f"voice_{j}_synth.wav")[:, 0] for j in (1, 2, 3)])
    np.testing.assert_allclose(sung, memory.synthesised, atol=1e-6)
    for j, stem in enumerate(stems, start=1):
        rest = read(tmp_path / "out" / f"voice_{j}_minus.wav")
        np.testing.assert_allclose(stem + rest, audio, atol=1e-6)


def test_extra_files_are_named_after_their_voice(
    separator: Separator, recording: Recording, tmp_path: Path
) -> None:
    path, _, tracks = recording
    report = separator.separate_file(
        path, tmp_path / "out", tracks=tracks, names=["high", "middle", "low"], synth=True, minus_one=True
    )
    assert [stem.name for stem in report.stems] == ["high.wav", "middle.wav", "low.wav"]
    assert {extra.name for extra in report.extra} == {
        *(f"{name}_minus.wav" for name in ("high", "middle", "low")),
        *(f"{name}_synth.wav" for name in ("high", "middle", "low")),
    }
    assert set(names(tmp_path / "out")) == {file.name for file in report.stems + report.extra}
    info = soundfile.info(tmp_path / "out" / "low_synth.wav")
    assert (info.samplerate, info.channels) == (SAMPLE_RATE, 1)


@pytest.mark.parametrize(("start", "duration"), [(1.0, None), (0.0, 1.5), (0.512, 1.0), (2.5, 60.0)])
def test_a_part_of_a_file_is_that_part_with_its_own_f0(
    separator: Separator,
    recording: Recording,
    tmp_path: Path,
    start: float,
    duration: float | None,
) -> None:
    path, audio, tracks = recording
    report = separator.separate_file(path, tmp_path / "out", tracks=tracks, start=start, duration=duration)
    first = round(start * 22_050)
    part = audio[first : None if duration is None else first + round(duration * 22_050)]
    assert report.samples == len(part)
    np.testing.assert_allclose(np.sum([read(stem) for stem in report.stems], axis=0), part, atol=2e-6)
    memory = separator.separate(part, 22_050, tracks=tracks.from_time(start))
    if start == 0.512:  # 32 frames
        np.testing.assert_allclose(memory.tracks.frequencies[:, :40], tracks.frequencies[:, 32:72])
    np.testing.assert_allclose([read(stem) for stem in report.stems], memory.stems, atol=1e-5)


def test_f0_that_end_before_the_start_are_silent_voices(
    separator: Separator, recording: Recording, tmp_path: Path
) -> None:
    path, audio, tracks = recording
    report = separator.separate_file(path, tmp_path / "out", tracks=tracks.fitted(50), start=2.0)
    total = np.sum([read(stem) for stem in report.stems], axis=0)
    np.testing.assert_allclose(total, audio[44_100:], atol=2e-6)
    assert report.warnings


@pytest.mark.parametrize(
    ("format", "depth", "suffix", "subtype"),
    [("wav", 16, "wav", "PCM_16"), ("flac", 24, "flac", "PCM_24"), (None, None, "wav", "FLOAT")],
)
def test_stems_have_the_format_asked_for(
    separator: Separator,
    recording: Recording,
    tmp_path: Path,
    format: str | None,
    depth: int | None,
    suffix: str,
    subtype: str,
) -> None:
    path, audio, tracks = recording
    report = separator.separate_file(path, tmp_path / "out", tracks=tracks, format=format, bit_depth=depth)
    assert names(tmp_path / "out") == [f"voice_{j}.{suffix}" for j in (1, 2, 3)]
    assert soundfile.info(report.stems[0]).subtype == subtype
    gain = 10 ** (report.gain_db / 20)
    total = np.sum([read(stem) for stem in report.stems], axis=0)
    np.testing.assert_allclose(total, gain * audio, atol=2 * 3 / 2**16)


@pytest.mark.parametrize("existing", ["voice_2.wav", "voice_3_minus.wav", "voice_1_synth.wav"])
def test_files_that_exist_are_refused_before_anything_is_written(
    separator: Separator, recording: Recording, tmp_path: Path, existing: str
) -> None:
    path, _, tracks = recording
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / existing).write_text("mine")
    separate = partial(separator.separate_file, path, folder, tracks=tracks, minus_one=True, synth=True)
    refused(AudioError, separate, existing)
    assert names(folder) == [existing] and (folder / existing).read_text() == "mine"
    separate(overwrite=True)
    assert len(names(folder)) == 9 and soundfile.info(folder / existing).frames > 0


def test_existing_files_are_refused_before_the_pitch_is_estimated(
    separator: Separator,
    recording: Recording,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pitch of an hour takes minutes; the names are known before, where the number of voices is."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "voice_2.wav").write_text("mine")

    def never(*_: object) -> None:
        raise AssertionError("the pitch was estimated")

    monkeypatch.setattr(separator.pitch, "estimate", never)
    refused(AudioError, lambda: separator.separate_file(recording[0], folder, 3), "voice_2.wav")


def test_names_that_do_not_fit_are_refused(
    separator: Separator, recording: Recording, tmp_path: Path
) -> None:
    path, _, tracks = recording
    separate = partial(separator.separate_file, path, tmp_path / "out", tracks=tracks)
    refused(SettingsError, lambda: separate(names=["a", "b"]), "2 names", "3 voices")
    refused(VocsepError, lambda: separate(names=["a", "b", "a"]), "a.wav")
    refused(F0Error, lambda: separate(4), "3 voices", "4 were")
    assert not (tmp_path / "out").exists()


def test_a_span_outside_of_the_file_is_refused(
    separator: Separator, recording: Recording, tmp_path: Path
) -> None:
    path, _, tracks = recording
    separate = partial(separator.separate_file, path, tmp_path / "out", tracks=tracks)
    refused(AudioError, lambda: separate(start=3.5), "mix.wav", "3.5", "3.000")
    refused(AudioError, lambda: separate(duration=0.0), "mix.wav")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.usefixtures("short_chunks")
def test_nothing_half_written_stays(
    separator: Separator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    audio, tracks = music(9.0)
    soundfile.write(tmp_path / "mix.wav", audio, SAMPLE_RATE)
    whole, calls = separator.method, []

    class Failing(SeparationMethod):
        def estimate(self, excerpt: Excerpt, progress: Progress) -> SourceEstimate:
            calls.append(1)
            if len(calls) == 2:
                raise error
            return whole.estimate.estimate(excerpt, progress)

    monkeypatch.setattr(separator, "method", replace(whole, estimate=Failing()))
    with pytest.raises(error):
        separator.separate_file(tmp_path / "mix.wav", tmp_path / "out", tracks=tracks, synth=True)
    assert names(tmp_path) == ["mix.wav"]
