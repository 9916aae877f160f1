"""One stem changed, the others not touched by a bit, and the mixture their sum."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from heterodyne import cents_from

from vocsep.editing.edit import edit_voice, stems_in
from vocsep.editing.resynthesis import moved_formants
from vocsep.editing.wishes import Wishes
from vocsep.errors import AudioError, F0Error, SettingsError
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.choir import sing_known
from vocsep.singers.score import Note, Score
from vocsep.spectra import SAMPLE_RATE

SCORE = Score(
    (
        (Note(0.1, 0.9, 64), Note(1.0, 0.9, 62)),
        (Note(0.1, 0.9, 55), Note(1.0, 0.9, 55)),
    ),
    2.1,
)


@pytest.fixture
def stems(tmp_path: Path) -> tuple[list[Path], F0Tracks]:
    known = sing_known(SCORE, np.random.default_rng(3))
    (tmp_path / "stems").mkdir()
    for name, stem in zip(("high", "low"), known.ensemble.stems, strict=True):
        soundfile.write(tmp_path / "stems" / f"{name}.wav", stem, SAMPLE_RATE, subtype="FLOAT")
    return stems_in(tmp_path / "stems"), F0Tracks(known.ensemble.f0)


def read(path: Path) -> np.ndarray:
    return np.asarray(soundfile.read(path, dtype="float32")[0])


def test_the_other_stems_are_unchanged_bit_for_bit(
    stems: tuple[list[Path], F0Tracks], tmp_path: Path
) -> None:
    paths, tracks = stems
    before = [path.read_bytes() for path in paths]
    done = edit_voice(paths, "high", Wishes(transpose=-2.0), tmp_path / "out", tracks=tracks)
    assert [path.read_bytes() for path in paths] == before
    assert [path.name for path in done.written] == ["high.wav", "mixture.wav"]
    changed, mixture = (read(path) for path in done.written)
    assert np.array_equal(mixture, read(paths[1]) + changed)
    assert 20 * np.log10(np.std(changed) / np.std(read(paths[0]))) == pytest.approx(0, abs=1.0)
    away = cents_from(changed, SAMPLE_RATE, done.new_f0)
    assert np.median(np.abs(away)) < 5.0


def test_voices_are_named_or_counted(stems: tuple[list[Path], F0Tracks], tmp_path: Path) -> None:
    paths, tracks = stems
    assert edit_voice(paths, "2", Wishes(vibrato=0.0), tmp_path / "out", tracks=tracks).voice == "low"
    for voice in ("alto", "0", "3"):
        with pytest.raises(SettingsError, match="is not one of high, low, or 1 to 2"):
            edit_voice(paths, voice, Wishes(vibrato=0.0), tmp_path / "b", tracks=tracks)


def test_nothing_is_replaced_unasked(stems: tuple[list[Path], F0Tracks], tmp_path: Path) -> None:
    paths, tracks = stems
    with pytest.raises(AudioError, match="is the stem itself"):
        edit_voice(paths, "high", Wishes(transpose=1.0), paths[0].parent, tracks=tracks, overwrite=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mixture.wav").write_text("mine")
    with pytest.raises(AudioError, match=r"mixture.wav: exists already"):
        edit_voice(paths, "high", Wishes(transpose=1.0), tmp_path / "out", tracks=tracks)
    with pytest.raises(F0Error, match="hold 1 voices, there are 2 stems"):
        edit_voice(
            paths, "high", Wishes(transpose=1.0), tmp_path / "c", tracks=F0Tracks(tracks.frequencies[:1])
        )


def test_mixes_beside_the_stems_are_no_stems(stems: tuple[list[Path], F0Tracks]) -> None:
    paths, _ = stems
    for ending in ("minus", "practice", "left", "synth"):
        soundfile.write(paths[0].with_name(f"high_{ending}.wav"), np.zeros(9), SAMPLE_RATE)
    assert stems_in(paths[0].parent) == paths


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.3, 2.0])
def test_moved_formants_stay_in_order_and_below_half_the_rate(factor: float) -> None:
    lsf = torch.linspace(0.05, 3.1, 20)
    moved = moved_formants(lsf, factor)
    assert bool((moved.diff() > 0).all())
    assert float(moved.max()) < torch.pi
    assert float(moved[2] / lsf[2]) == pytest.approx(factor)
