"""Names of voices in F0 files: the header gives them, columns are found by them, and they are kept."""

import json
from pathlib import Path

import numpy as np
import pytest

from vocsep.errors import F0Error
from vocsep.pitch.f0_files import read_f0_file
from vocsep.pitch.f0_table import columns_of
from vocsep.pitch.tracks import F0Tracks, order_of_height

BASS, SOPRANO = [110.0, 111.0, np.nan], [440.0, np.nan, 442.0]
TURNED = F0Tracks(np.array([BASS, SOPRANO]), names=("bass", "soprano"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tracks.csv"
    TURNED.write_csv(path)
    return path


def test_the_header_names_the_voices_and_no_row_is_moved(file: Path) -> None:
    assert file.read_text().splitlines()[0] == "time,bass,soprano"
    back = F0Tracks.read_csv(file)
    assert back.names == ("bass", "soprano")
    np.testing.assert_allclose(back.frequencies, [BASS, SOPRANO], rtol=1e-9)


@pytest.mark.parametrize("asked", [["soprano", "bass"], ["Soprano", "BASS"]])
def test_each_voice_is_found_by_its_name(file: Path, asked: list[str]) -> None:
    read = F0Tracks.read_csv(file, names=asked).frequencies
    np.testing.assert_allclose(read, [SOPRANO, BASS], rtol=1e-9)
    np.testing.assert_array_equal(TURNED.named(asked).frequencies, [SOPRANO, BASS])


@pytest.mark.parametrize("asked", [["soprano", "alto"], ["soprano"], ["soprano", "alto", "bass"]])
def test_names_that_do_not_fit_are_refused_with_those_that_there_are(file: Path, asked: list[str]) -> None:
    with pytest.raises(F0Error, match="bass, soprano") as caught:
        F0Tracks.read_csv(file, len(asked), asked)
    assert str(file) in str(caught.value) and ", ".join(asked) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numbered_columns_have_no_names_and_take_those_that_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("time,Voice_1,voice_2\n0,110,440\n")
    assert F0Tracks.read_csv(path).names == ()
    named = F0Tracks.read_csv(path, names=["a", "b"])
    assert named.names == ("a", "b") and named.frequencies[:, 0].tolist() == [110.0, 440.0]
    with pytest.raises(F0Error, match="holds 2 voices, 1 are named"):
        F0Tracks.read_csv(path, names=["a"])


def test_numbers_out_of_their_order_are_names(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("time,voice_2,voice_1\n0,110,440\n")
    found = F0Tracks.read_csv(path, names=["voice_1", "voice_2"])
    assert found.frequencies[:, 0].tolist() == [440.0, 110.0]


def test_a_column_without_a_name_has_its_number(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("time,solo, \n0,110,440\n")
    assert read_f0_file(path).names == ("solo", "voice_2")


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("time,Alto,bass,alto\n0,1,1,1\n")
    with pytest.raises(F0Error, match="'Alto' more than once"):
        F0Tracks.read_csv(path)


@pytest.mark.parametrize("name", ["alto, second", 'the "low" one', "Grégoire"])
def test_any_name_comes_back_as_it_was_written(tmp_path: Path, name: str) -> None:
    F0Tracks(np.array([BASS]), names=(name,)).write_csv(tmp_path / "t.csv")
    assert F0Tracks.read_csv(tmp_path / "t.csv").names == (name,)


def test_names_stay_with_their_voices() -> None:
    for tracks in (TURNED.fitted(9), TURNED.fitted(1), TURNED.slice(0, 2), TURNED.from_time(0.016)):
        assert tracks.names == ("bass", "soprano")
    highest = TURNED.sorted_from_highest()
    assert highest.names == ("soprano", "bass")
    np.testing.assert_array_equal(highest.frequencies, [SOPRANO, BASS])


def test_json_has_a_name_where_there_is_one(tmp_path: Path) -> None:
    TURNED.write_json(tmp_path / "t.json")
    F0Tracks(TURNED.frequencies).write_json(tmp_path / "u.json")
    named, plain = (json.loads((tmp_path / name).read_text()) for name in ("t.json", "u.json"))
    assert [voice["name"] for voice in named["voices"]] == ["bass", "soprano"]
    assert [set(voice) for voice in plain["voices"]] == [{"voice", "frequencies"}] * 2


def test_another_number_of_names_is_refused() -> None:
    with pytest.raises(F0Error, match="3 names for 2 voices"):
        F0Tracks(TURNED.frequencies, names=("a", "b", "c"))


def test_columns_are_a_permutation() -> None:
    known = ["tenor", "bass", "alto"]
    for asked in (["alto", "tenor", "bass"], ["bass", "alto", "tenor"]):
        assert [known[column] for column in columns_of(asked, known)] == asked


def test_voices_are_ordered_by_their_medians() -> None:
    nobody = np.full(3, np.nan)
    crossing = np.array([nobody, [200.0, 210.0, 800.0], [400.0, 410.0, 100.0], [50.0, 50.0, np.nan]])
    assert order_of_height(crossing) == [2, 1, 3, 0]
