"""F0 tracks: their order, their files, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from vocsep.errors import F0Error
from vocsep.pitch.intonation import note_name, statistics_of_voice
from vocsep.pitch.tracks import F0Tracks, resample_f0
from vocsep.spectra import frame_times

NAN = float("nan")


@pytest.fixture
def tracks() -> F0Tracks:
    generator = np.random.default_rng(0)
    frequencies = np.sort(generator.uniform(80, 800, (3, 40)), axis=0)[::-1].copy()
    frequencies[generator.random((3, 40)) < 0.3] = NAN
    return F0Tracks(frequencies)


def test_zero_and_nan_are_unvoiced_inside_and_zero_at_the_input() -> None:
    tracks = F0Tracks(np.array([[440.0, 0.0, NAN]]))
    assert tracks.voiced.tolist() == [[True, False, False]]
    assert tracks.as_input().tolist() == [[440.0, 0.0, 0.0]]


def test_frames_are_sixteen_milliseconds_apart(tracks: F0Tracks) -> None:
    np.testing.assert_allclose(np.diff(tracks.times), 0.016)
    assert tracks.seconds == pytest.approx(39 * 0.016)


def test_the_array_that_was_given_is_not_changed() -> None:
    given = np.array([[0.0, 100.0]])
    F0Tracks(given)
    assert given.tolist() == [[0.0, 100.0]]


def test_fitted_crops_and_continues_unvoiced(tracks: F0Tracks) -> None:
    np.testing.assert_array_equal(tracks.fitted(10).frequencies, tracks.frequencies[:, :10])
    longer = tracks.fitted(50)
    np.testing.assert_array_equal(longer.slice(0, 40).frequencies, tracks.frequencies)
    assert not longer.voiced[:, 40:].any()


def test_sorting_puts_the_highest_median_first_and_the_silent_voice_last() -> None:
    rows = np.array([[NAN, NAN], [100.0, 110.0], [300.0, NAN], [200.0, 900.0]])
    np.testing.assert_array_equal(F0Tracks(rows).sorted_from_highest().frequencies, rows[[3, 2, 1, 0]])


def test_csv_comes_back_as_it_was_written(tracks: F0Tracks, tmp_path: Path) -> None:
    tracks.write_csv(tmp_path / "f0.csv")
    back = F0Tracks.read_csv(tmp_path / "f0.csv", voices=3)
    np.testing.assert_allclose(back.frequencies, tracks.frequencies, atol=5.1e-4)
    lines = (tmp_path / "f0.csv").read_text().splitlines()
    assert lines[0] == "time,voice_1,voice_2,voice_3"
    assert lines[2].startswith("0.016,")
    assert [path.name for path in tmp_path.iterdir()] == ["f0.csv"]


def test_mirex_lists_only_what_sounds(tmp_path: Path) -> None:
    F0Tracks([[440.0, NAN], [220.0, 110.0]]).write_mirex(tmp_path / "f0.txt")
    assert (tmp_path / "f0.txt").read_text() == "0.000\t440.000\t220.000\n0.016\t110.000\n"


def test_json_has_null_where_unvoiced(tmp_path: Path) -> None:
    F0Tracks([[440.0, NAN]]).write_json(tmp_path / "f0.json", start=2.0)
    content = json.loads((tmp_path / "f0.json").read_text())
    assert content == {
        "start": 2.0,
        "hop_seconds": 0.016,
        "voices": [{"voice": 1, "frequencies": [440.0, None]}],
    }


def test_a_target_folder_that_lacks_is_one_line(tracks: F0Tracks, tmp_path: Path) -> None:
    with pytest.raises(F0Error, match=r"f0\.csv: cannot be written"):
        tracks.write_csv(tmp_path / "none" / "f0.csv")


@pytest.mark.parametrize("step", [0.0058, 0.01, 0.016, 0.02])
def test_a_glide_on_another_grid_is_read_within_a_hundredth_of_a_cent(step: float) -> None:
    times = np.arange(0, 1.0, step)
    read = resample_f0(times, 200.0 * 2**times)  # an octave a second: linear in log F0
    truth = 200.0 * 2 ** frame_times(read.size)
    assert np.max(np.abs(1200 * np.log2(read / truth))) < 0.01
    assert read.size == int(times[-1] / 0.016 + 1e-6) + 1


def test_irregular_times_are_read_like_numpy_interpolates_logarithms() -> None:
    times = np.cumsum(np.random.default_rng(1).uniform(0.004, 0.012, 200))
    frequencies = 300 + 50 * np.sin(9 * times)
    read = resample_f0(times, frequencies)
    inside = frame_times(read.size) >= times[0]
    expected = np.exp(np.interp(frame_times(read.size), times, np.log(frequencies)))
    np.testing.assert_allclose(read[inside], expected[inside], rtol=1e-12)


def test_rests_are_not_bridged_whether_empty_or_left_out() -> None:
    times = np.arange(0, 2.0, 0.01)
    rest = (times > 0.5) & (times < 1.5)
    empty = resample_f0(times, np.where(rest, NAN, 220.0))
    left_out = resample_f0(times[~rest], np.full(np.sum(~rest), 220.0))
    grid = frame_times(empty.size)
    np.testing.assert_array_equal(np.isnan(empty), (grid > 0.505) & (grid < 1.495))
    np.testing.assert_array_equal(np.isnan(left_out), np.isnan(empty))


def test_before_the_first_time_nothing_is_voiced() -> None:
    read = resample_f0(np.array([0.5, 0.51, 0.52, 0.53]), np.full(4, 220.0))
    np.testing.assert_array_equal(np.isfinite(read), frame_times(read.size) >= 0.495)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty, expected time,voice_1"),
        ("hello\nworld\n", "first line must be the header time,voice_1,..., not 'hello'"),
        ("0.0\n0.016\n", "holds times and no frequencies"),
        ("time,confidence\n0,0.9\n", "no column holds frequencies"),
        ("time,voice_1\n0,69\n1,71\n", "whole numbers from 69 to 71 look like MIDI notes"),
        ("time,voice_1\n", "no frames"),
        ("time,voice_1\n0,440\n0.016,la\n", "line 3: 'la' is not a number"),
        ("time,voice_1\n0,440\n\n0.016,la\n", "line 4: 'la'"),
        ("time,voice_1\n0,440,220\n", "line 2: 3 cells, the header has 2"),
        ("time,voice_1\n0,440\n0,440\n", "line 3: time 0 s does not rise"),
        ("time,voice_1\n-1,440\n", "line 2: time '-1' is not within 0 .. 86400 s"),
        ("time,voice_1\n,440\n", "line 2: time '' is not within"),
        ("time,voice_1\n1e300,440\n", "not within 0 .. 86400 s"),
        ("time,voice_1\n0,4001\n", "line 2: 4001 Hz is not within 20 .. 4000 Hz"),
        ("time,voice_1\n0,inf\n", "line 2: inf Hz is not within"),
        ("time,voice_1,voice_2\n0,440,220\n", "holds 2 voices, 1 are asked for"),
        ("\x00\x01\x02", "first line must be|not a CSV"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(F0Error, match=message) as caught:
        F0Tracks.read_csv(path, voices=1)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_or_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(bytes(range(128, 256)))
    for name, message in [
        ("binary.csv", "not a CSV"),
        ("none.csv", "no such F0 file"),
        (".", "cannot be read"),
    ]:
        with pytest.raises(F0Error, match=message):
            F0Tracks.read_csv(tmp_path / name)


def test_files_of_other_programs_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "f0.csv"
    path.write_bytes(b"\xef\xbb\xbfTime,soprano\r\n0.000,440\r\n0.016,0.0\r\n0.032,nan\r\n0.048,0.6\r\n")
    np.testing.assert_array_equal(F0Tracks.read_csv(path).voiced, [[True, False, False, False]])


def test_tracks_of_another_shape_or_with_impossible_values_are_refused() -> None:
    for bad in (np.zeros(4), np.array([[-1.0]]), np.array([[np.inf]])):
        with pytest.raises(F0Error):
            F0Tracks(bad)


@pytest.mark.parametrize("number", range(24, 100))
def test_note_names_agree_with_midi_numbers(number: int) -> None:
    letters = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    assert note_name(440 * 2 ** ((number - 69 + 0.3) / 12)) == letters[number % 12] + str(number // 12 - 1)


@pytest.mark.parametrize("cents", [-49.0, -20.0, 0.0, 31.0, 49.0])
def test_deviation_finds_the_offset_of_a_singer_who_is_in_tune_with_herself(cents: float) -> None:
    generator = np.random.default_rng(2)
    steps = generator.integers(-12, 12, 3000) + generator.normal(0, 0.08, 3000)
    statistics = statistics_of_voice(1, 440 * 2 ** ((steps + cents / 100) / 12))
    assert statistics.deviation_cents is not None
    assert abs((statistics.deviation_cents - cents + 50) % 100 - 50) < 1.0
    assert statistics.spread_cents == pytest.approx(8.0, abs=0.5)


def test_statistics_name_range_median_and_share() -> None:
    row = np.array([220.0] * 10 + [440.0] * 60 + [880.0] * 10 + [NAN] * 20)
    alto, silent = F0Tracks(np.stack([row, np.full(100, NAN)])).voice_statistics()
    assert (alto.voice, alto.lowest_hz, alto.highest_hz) == (1, 220.0, 880.0)
    assert (alto.median_hz, alto.median_note, alto.voiced_share) == (440.0, "A4", 0.8)
    assert (silent.voiced_share, silent.median_note, silent.deviation_cents) == (0.0, None, None)
