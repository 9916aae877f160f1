"""Names of stems where pitches are given: by name, whatever the order of the rows."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import music, tiny_models

from vocsep.errors import F0Error
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.naming import matched
from vocsep.separation.separator import Separator

ROWS = np.array([[110.0, 110.0], [440.0, 440.0]])
TURNED = F0Tracks(ROWS, names=("bass", "soprano"))


def test_rows_follow_the_names_that_are_asked_for() -> None:
    tracks, names = matched(TURNED, ["soprano", "bass"])
    assert tracks is not None and names == ["soprano", "bass"]
    np.testing.assert_array_equal(tracks.frequencies, ROWS[::-1])


def test_tracks_in_any_order_are_taken_as_they_are() -> None:
    plain = F0Tracks(ROWS)
    assert matched(plain, ["a", "b"]) == (plain, ["a", "b"])
    assert matched(plain, None) == (plain, None)
    assert matched(TURNED, None) == (TURNED, ("bass", "soprano"))
    assert matched(None, ["a"]) == (None, ["a"])


def test_a_header_cannot_write_outside_of_the_folder() -> None:
    with pytest.raises(F0Error, match="name of a file"):
        matched(F0Tracks(ROWS, names=("bass", "../soprano")), None)


@pytest.fixture(scope="module")
def separator(tmp_path_factory: pytest.TempPathFactory) -> Separator:
    return Separator(**tiny_models(tmp_path_factory.mktemp("models")), device="cpu", adapt=2)


def test_a_stem_is_the_same_wherever_its_column_stands(separator: Separator, tmp_path: Path) -> None:
    audio, tracks = music(2.0, 16_000, 1)
    soundfile.write(tmp_path / "mix.wav", audio, 16_000, subtype="FLOAT")
    called = ("high", "middle", "low")
    order = [2, 0, 1]
    turned = F0Tracks(tracks.frequencies[order], names=tuple(called[row] for row in order))
    by_header = separator.separate_file(tmp_path / "mix.wav", tmp_path / "a", tracks=turned)
    by_name = separator.separate_file(tmp_path / "mix.wav", tmp_path / "b", tracks=turned, names=called)
    by_place = separator.separate_file(tmp_path / "mix.wav", tmp_path / "c", tracks=tracks, names=called)
    assert [path.stem for path in by_header.stems] == ["low", "high", "middle"]
    assert [path.stem for path in by_name.stems] == list(called)
    for name in called:
        stems = [soundfile.read(tmp_path / folder / f"{name}.wav")[0] for folder in "abc"]
        np.testing.assert_array_equal(stems[1], stems[2])
        np.testing.assert_allclose(stems[0], stems[1], atol=2e-3)
    assert [one.median_hz for one in by_name.statistics] == [one.median_hz for one in by_place.statistics]


def test_crossing_tracks_are_separated_and_nobody_is_moved(separator: Separator) -> None:
    audio, tracks = music(2.0, 16_000, 1)
    crossing = tracks.frequencies.copy()
    middle = crossing.shape[1] // 2
    crossing[:, middle:] = crossing[::-1, middle:]
    result = separator.separate(audio, 16_000, tracks=F0Tracks(crossing))
    np.testing.assert_array_equal(result.tracks.frequencies, F0Tracks(crossing).frequencies)
    np.testing.assert_allclose(result.stems.sum(axis=0), audio, atol=1e-4)
