"""F0 files of other programs, and of people who correct them by hand, are read as they are meant."""

from pathlib import Path

import numpy as np
import pytest

from vocsep.errors import F0Error
from vocsep.pitch.f0_files import read_f0_file
from vocsep.pitch.tracks import F0Tracks

NAN = np.nan


def table(tmp_path: Path, text: str) -> np.ndarray:
    path = tmp_path / "f0.csv"
    path.write_text(text, encoding="utf-8")
    return read_f0_file(path).columns


@pytest.mark.parametrize(
    ("text", "frequencies"),
    [
        ("time,frequency,confidence\n0.00,440.0,0.92\n0.01,441.5,0.12\n", [[440.0, NAN]]),  # CREPE
        ("0.0,440.5\n0.0058,-441.0\n0.0116,0.0\n", [[440.5, NAN, NAN]]),  # pYIN: negative is a guess
        ("0.000000000\t440.5\n0.005804988\t441\n", [[440.5, 441.0]]),  # Sonic Visualiser
        ("0.0 440.5\n0.01 441\n", [[440.5, 441.0]]),  # melody files of MIREX
        ("# F0 of a choir\n0.0,440.5\n", [[440.5]]),
        ("time;voice_1;voice_2\n0,000;440,25;\n0,016;441,50;220,1\n", [[440.25, 441.5], [NAN, 220.1]]),
        ("time\tvoice_1\n0\t440.5\n", [[440.5]]),
        ("time,midi\n0,69\n1,57\n", [[440.0, 220.0]]),
        (
            "0.0\t440.0\t220.5\n0.1\t440.0\n0.2\t221.5\n0.3\n",
            [[440, 440, NAN, NAN], [220.5, NAN, 221.5, NAN]],
        ),
    ],
)
def test_what_is_plainly_meant_is_read(text: str, frequencies: list[list[float]], tmp_path: Path) -> None:
    np.testing.assert_allclose(table(tmp_path, text), np.array(frequencies))


def test_the_header_names_the_voices(tmp_path: Path) -> None:
    path = tmp_path / "f0.csv"
    path.write_text("time,soprano,Bass\n0,440.5,110.5\n")
    assert read_f0_file(path).names == ("soprano", "Bass")
    path.write_text("time,frequency,confidence\n0,440.5,0.9\n")
    assert read_f0_file(path).names == ()


@pytest.mark.parametrize("kind", ["csv", "json", "mirex"])
def test_what_we_write_we_read(kind: str, tmp_path: Path) -> None:
    """MIREX does not say who sings; in chords that move by steps, order and nearness do."""
    frames = np.arange(200)
    upper = 440 * 2 ** (np.sin(frames / 20) / 12)
    lower = 220 * 2 ** (np.cos(frames / 15) / 12)
    upper[50:70] = lower[90:120] = NAN
    upper[150:160] = lower[150:160] = NAN
    tracks = F0Tracks(np.stack([upper, lower]))
    path = tmp_path / f"tracks.{kind}"
    getattr(tracks, f"write_{kind}")(path)
    np.testing.assert_allclose(F0Tracks.read_csv(path).frequencies, tracks.frequencies, atol=0.02)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{nonsense",
        '{"hop_seconds": 1, "voices": []}',
        '{"hop_seconds": 0, "voices": [{"frequencies": [1]}]}',
    ],
)
def test_json_that_is_not_ours_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(F0Error, match="is no F0 file of vocsep"):
        table(tmp_path, text)
