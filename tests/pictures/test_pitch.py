"""Pictures and tables: what a person reads from them is what was sung."""

import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from vocsep.commands.tables import demo_table, stem_table, voice_table
from vocsep.errors import DependencyError
from vocsep.pictures.pitch import clock, pitch_plot
from vocsep.pictures.plot import write_plot
from vocsep.pitch.tracks import F0Tracks
from vocsep.player.colours import voice_style

A5, A4, A3 = 880.0, 440.0, 220.0
SILENT = np.nan


def held(*notes: float, frames: int = 200) -> F0Tracks:
    """One voice for each note, held all the time."""
    return F0Tracks(np.repeat(np.array(notes)[:, None], frames, axis=1))


def rows_of(tracks: F0Tracks, width: int = 60, height: int = 16, **options: bool) -> list[str]:
    return pitch_plot(tracks, width, height, **options).plain.split("\n")


def sounding(row: str) -> set[int]:
    """Columns of the canvas with ink of a voice."""
    return {column for column, mark in enumerate(row[5:]) if 0x2800 < ord(mark) < 0x2900 or mark.isdigit()}


def printed(renderable: object, width: int) -> str:
    console = Console(width=width, record=True, file=sys.stderr)
    console.print(renderable)
    return console.export_text()


@pytest.mark.parametrize("width", [20, 41, 80, 120, 199])
@pytest.mark.parametrize("frames", [1, 7, 200, 5000])
def test_no_line_is_wider_than_asked(width: int, frames: int) -> None:
    rows = rows_of(held(A4, A3, frames=frames), width)
    assert len(rows) == 16 + 2
    assert max(map(len, rows)) <= width


def test_a_held_note_fills_its_row_from_end_to_end() -> None:
    inked = [sounding(row) for row in rows_of(held(A4))[:16]]
    full = [columns for columns in inked if columns]
    assert full == [set(range(55))]


def test_higher_notes_stand_higher_and_octaves_are_equally_far_apart() -> None:
    rows = rows_of(held(A5, A4, A3), height=33)[:33]
    high, middle, low = (number for number, row in enumerate(rows) if sounding(row))
    assert high < middle < low
    assert abs((middle - high) - (low - middle)) <= 1


@pytest.mark.parametrize("note, name", [(261.626, "C4"), (523.251, "C5"), (130.813, "C3")])
def test_a_note_is_drawn_in_the_row_that_bears_its_name(note: float, name: str) -> None:
    [row] = [row for row in rows_of(held(note), height=15)[:15] if sounding(row)]
    assert row.strip().startswith(name)


def test_a_rest_is_blank() -> None:
    frequencies = np.full((1, 300), A4)
    frequencies[:, 100:200] = SILENT
    inked = set().union(*(sounding(row) for row in rows_of(F0Tracks(frequencies), width=65)[:16]))
    assert inked == set(range(20)) | set(range(40, 60))


def test_a_leap_is_not_joined_but_a_glide_is() -> None:
    leap = np.repeat([[A4, A3]], 100, axis=1).reshape(1, -1)
    leap = np.sort(leap, axis=1)
    glide = np.geomspace(A3, A4, 200)[None]
    assert len([row for row in rows_of(F0Tracks(leap))[:16] if sounding(row)]) == 2
    assert len([row for row in rows_of(F0Tracks(glide))[:16] if sounding(row)]) >= 14


def test_each_voice_has_its_colour() -> None:
    plot = pitch_plot(held(A4, A3), 60, 16)
    styles = {str(span.style) for span in plot.spans}
    assert {voice_style(1), voice_style(2)} <= styles
    assert voice_style(3) not in styles


def test_without_unicode_voices_are_numbers_and_all_is_ascii() -> None:
    rows = rows_of(held(A4, A3), unicode=False)
    assert "\n".join(rows).isascii()
    first, second = (row[5:].replace(".", "") for row in rows[:16] if sounding(row))
    assert first == "1" * 55
    assert second == "2" * 55


def test_a_recording_without_pitch_is_said_to_be_so() -> None:
    assert "no voice sings" in pitch_plot(held(SILENT), 60).plain


def test_times_begin_where_the_excerpt_begins() -> None:
    axis = pitch_plot(held(A4, frames=626), 80, 8, start=60.0).plain.split("\n")[-1]
    assert axis.split()[0] == "1:00"
    assert axis.split()[-1] == "1:10" or axis.split()[-1] == "1:09"


def test_clock_carries_over_minutes_and_hours() -> None:
    assert [clock(s) for s in (0, 59.4, 59.6, 3599.6)] == ["0:00", "0:59", "1:00", "1:00:00"]
    assert clock(59.96, tenths=True) == "0:59.9"


@pytest.mark.parametrize("suffix, magic", [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_a_written_picture_is_of_its_kind_and_leaves_nothing_beside_it(
    tmp_path: Path, suffix: str, magic: bytes
) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"f0{suffix}"
    write_plot(held(A4, A3), path, title="5 $ for a song$")
    assert path.read_bytes().startswith(magic)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_picture_leaves_the_old_one_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = pytest.importorskip("matplotlib.figure")
    path = tmp_path / "f0.png"
    path.write_bytes(b"old")

    def stopped(self: object, file: Path, **settings: object) -> None:
        Path(file).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(figure.Figure, "savefig", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_plot(held(A4), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_without_matplotlib_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(DependencyError, match=r'pip install "vocsep\[plots\]"'):
        write_plot(held(A4), tmp_path / "f0.png")


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_on_a_terminal_and_hold_every_figure(width: int) -> None:
    statistics = F0Tracks([[A5] * 50 + [SILENT] * 50, [SILENT] * 100]).voice_statistics()
    text = printed(voice_table(statistics), width)
    assert "…" not in text
    first, second = (line for line in text.splitlines() if "voice " in line and "range" not in line)
    assert "A5 to A5" in first and "A5 (880.0 Hz)" in first and "50%" in first and "+0 cents" in first
    assert second.split()[-5:] == ["-", "-", "0%", "-", "-"]


def test_long_paths_are_kept_whole_in_the_table_of_stems() -> None:
    path = Path("stems") / ("a_very_long_name_of_a_recording_" * 4) / "soprano[1].wav"
    text = printed(stem_table(held(A4).voice_statistics(), [path], np.array([[0.4, 0.8]], np.float32)), 80)
    lines = [line[-40:].strip() if "A4" in line else line.strip() for line in text.splitlines()[2:]]
    assert str(path).endswith("".join(lines)[-20:])
    assert "soprano[1]" in text


def test_the_demo_table_says_what_was_gained() -> None:
    lines = printed(demo_table([-5.0, -1.0], [7.5, 8.5]), 80).splitlines()
    assert any("voice 1" in line and "+12.5 dB" in line for line in lines)
    assert any("mean" in line and "-3.0 dB" in line and "+11.0 dB" in line for line in lines)
