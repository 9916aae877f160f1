"""What the page hears and sees: PCM that joins sample by sample, a spectrogram on the frames of the F0."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import soundfile

from vocsep.errors import AudioError
from vocsep.pitch.tracks import F0Tracks
from vocsep.player.marks import in_unison, notes_of_row, unsure
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.studio import spectrogram
from vocsep.studio.audio import LONGEST, Piece, read_piece
from vocsep.studio.png import decode_grey, encode_grey
from vocsep.studio.project import Project
from vocsep.studio.project_file import ProjectFile
from vocsep.studio.views import tracks_view
from vocsep.transcription.notes import notes_of_voice


def opened(folder: Path, audio: np.ndarray, rate: int) -> Project:
    soundfile.write(folder / "a.wav", audio, rate, subtype="FLOAT")
    return Project(folder, ProjectFile("a.wav"))


def decoded(piece: Piece) -> np.ndarray:
    return np.frombuffer(piece.pcm, "<i2").reshape(-1, piece.channels) / 32768 * piece.gain


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (16_000, 1), (11_025, 3)])
def test_pieces_join_sample_by_sample(tmp_path: Path, rate: int, channels: int) -> None:
    audio = np.random.default_rng(0).uniform(-1, 1, (4 * rate + 17, channels)).astype(np.float32)
    project = opened(tmp_path, audio, rate)
    pieces, first = [], 0
    for start in np.arange(0, 4.0, 1 / 3):
        pieces.append(read_piece(project, "mix", start, start + 1 / 3))
        assert pieces[-1].first == first and pieces[-1].sample_rate == rate
        first += pieces[-1].count
    pieces.append(read_piece(project, "mix", 4.0, 99.0))
    joined = np.concatenate([decoded(piece) for piece in pieces])
    assert joined.shape == audio.shape
    np.testing.assert_allclose(joined, audio, atol=1.01 / 32768)
    project.close()


def test_what_is_louder_than_full_scale_keeps_its_level(tmp_path: Path) -> None:
    audio = np.linspace(-3, 3, 8000, dtype=np.float32)
    piece = read_piece(opened(tmp_path, audio, 8000), "mix", 0.0, 1.0)
    assert piece.gain == 3.0
    np.testing.assert_allclose(decoded(piece)[:, 0], audio, atol=3.1 / 32768)


def test_no_request_is_given_more_than_a_bounded_piece(tmp_path: Path) -> None:
    project = opened(tmp_path, np.zeros(8000 * 50, np.float32), 8000)
    for end in (None, 50.0, float("inf")):
        assert read_piece(project, "mix", 1.0, end).count == LONGEST * 8000


@pytest.mark.parametrize(
    ("sound", "start"),
    [("2", 0.0), ("-1", 0.0), ("../0", 0.0), ("mix", 99.0), ("mix", -1.0), ("0", float("nan"))],
)
def test_a_sound_that_is_not_there_is_refused(project: Project, sound: str, start: float) -> None:
    with pytest.raises(AudioError, match="audio"):
        read_piece(project, sound, start, None)


def test_stems_are_served_by_their_number(project: Project) -> None:
    stems = [soundfile.read(stem)[0] for stem in project.stems]
    for voice, stem in enumerate(stems):
        served = decoded(read_piece(project, str(voice), 1.0, 2.0))[:, 0]
        np.testing.assert_allclose(served, stem[16_000:32_000], atol=1.01 / 32768)


def test_a_png_is_read_by_others_and_by_us() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 9)).astype(np.uint8)
    data = encode_grey(picture)
    np.testing.assert_array_equal(decode_grey(data), picture)
    np.testing.assert_allclose(matplotlib.image.imread(BytesIO(data)) * 255, picture, atol=0.01)
    for damaged in (b"", data[:60], data[:50] + b"x" + data[51:], b"x" + data[1:]):
        with pytest.raises(ValueError):  # whichever part is damaged
            decode_grey(damaged)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_tone_is_on_the_row_of_its_pitch_and_a_beginning_on_its_frame(tmp_path: Path, rate: int) -> None:
    """A440 from 12 s on, in the second tile."""
    time = np.arange(20 * rate) / rate
    project = opened(
        tmp_path, np.where(time >= 12, 0.1 * np.sin(2 * np.pi * 440 * time), 0).astype(np.float32), rate
    )
    plan = spectrogram.tile_plan(project)
    tile = decode_grey(spectrogram.tile_png(project, 0, 1)).astype(int)
    assert tile.shape == (plan["bins"], plan["tile_columns"])
    column = round(15 * SAMPLE_RATE / HOP) - plan["tile_columns"]
    row = plan["bins"] - 1 - int(tile[:, column].argmax())
    assert plan["low_hz"] * 2 ** (row / (12 * plan["bins_per_semitone"])) == pytest.approx(440, rel=0.01)
    level = tile[:, column].max() / 255 * (spectrogram.LOUDEST - spectrogram.QUIETEST) + spectrogram.QUIETEST
    assert level == pytest.approx(20 * np.log10(0.1), abs=3)
    begun = round(12 * SAMPLE_RATE / HOP) - plan["tile_columns"]
    loud = tile[plan["bins"] - 1 - row]
    half = int(
        np.argmax(loud > loud[column] - 6 / 80 * 255)
    )  # half the amplitude where half the window is filled
    assert abs(half - begun) <= 1
    assert not tile[:, plan["levels"][0]["columns"] - plan["tile_columns"] :].any()


def test_a_coarser_level_has_the_louder_of_two_columns(tmp_path: Path) -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, 25 * 16_000).astype(np.float32)
    project = opened(tmp_path, audio, 16_000)
    assert [level["columns"] for level in spectrogram.tile_plan(project)["levels"]] == [1563, 782, 391]
    fine = [decode_grey(spectrogram.tile_png(project, 0, tile)) for tile in (2, 3)]
    coarse = decode_grey(spectrogram.tile_png(project, 1, 1))
    np.testing.assert_array_equal(coarse, np.hstack(fine).reshape(252, 512, 2).max(axis=2))
    for level, tile in ((0, 4), (2, 1), (3, 0), (0, -1)):
        with pytest.raises(AudioError, match="no tile"):
            spectrogram.tile_png(project, level, tile)


def test_a_tile_is_computed_once_and_anew_when_it_was_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = opened(tmp_path, np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32), 16_000)
    first = spectrogram.tile_png(project, 0, 0)
    (kept,) = (tmp_path / "spectrogram").glob("*.png")
    kept.write_bytes(first[:-20])
    kept.write_bytes(first[:50])
    assert spectrogram.tile_png(project, 0, 0) == first

    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(spectrogram, "_computed", never)
    assert spectrogram.tile_png(project, 0, 0) == first


def test_notes_that_are_kept_are_those_that_would_be_found(project: Project) -> None:
    assert project.tracks is not None
    for row in project.tracks.frequencies:
        assert notes_of_row(row) == notes_of_voice(row)
    assert notes_of_row(np.full(9, np.nan)) == []


def test_marks_of_unison_and_of_doubt() -> None:
    tracks = F0Tracks([[440.0, 440.0, np.nan, 300.0], [442.0, 480.0, 440.0, np.nan]])
    assert in_unison(tracks).tolist() == [[True, False, False, False]] * 2
    sure = np.array([[0.1], [np.nan]], np.float32)
    assert unsure(tracks, sure).tolist() == [[True, True, False, True], [False] * 4]


def test_the_page_is_told_pitches_as_they_are(project: Project, run: Callable[..., Any]) -> None:
    import base64

    view = tracks_view(project)
    assert project.tracks is not None
    for voice, row in zip(view["voices"], project.tracks.frequencies, strict=True):
        f0 = np.frombuffer(base64.b64decode(voice["f0"]), "<f4")
        np.testing.assert_allclose(f0, np.nan_to_num(row), rtol=1e-6)
    assert [voice["name"] for voice in view["voices"]] == ["Sopran", "Baß"]
    assert (
        len(base64.b64decode(view["unison"]))
        == len(base64.b64decode(view["unsure"]))
        == project.tracks.voices * project.tracks.frames
    )
