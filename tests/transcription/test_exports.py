"""Every file is read back by another library, or by a reader that shares no code with the writer."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from vocsep.errors import DependencyError, SettingsError
from vocsep.pitch.alternatives import EstimatedTracks
from vocsep.pitch.intonation import note_name
from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.exports import BY_SUFFIX, FORMATS, Export, voice_names
from vocsep.transcription.notes import FRAME, hertz

NOTES = ([(0.2, 0.7, 69.1), (0.7, 1.2, 71.0)], [(0.4, 1.4, 52.0)])  # s, s, MIDI number
START = 10.0  # s


@pytest.fixture
def tracks() -> F0Tracks:
    rows = np.full((2, 100), np.nan)
    for row, notes in zip(rows, NOTES, strict=True):
        for onset, offset, pitch in notes:
            row[round(onset / FRAME) : round(offset / FRAME)] = hertz(pitch)
    return F0Tracks(rows)


def written(format: str, tracks: F0Tracks, path: Path, voices: int = 2) -> list[Path]:
    export = Export(format, path, voice_names(voices))
    made = export.write(F0Tracks(tracks.frequencies[:voices]), START)
    assert made == export.targets
    assert all(one.is_file() for one in made)
    assert sorted(path.parent.iterdir()) == sorted(made)  # nothing half-written beside
    return made


def agree(found: list[tuple[float, float, float]], voice: int, cents: float = 2.0) -> None:
    """(onset s, offset s, MIDI number) against the notes of a voice."""
    assert len(found) == len(NOTES[voice])
    for (onset, offset, pitch), (low, high, wanted) in zip(found, NOTES[voice], strict=True):
        assert onset == pytest.approx(START + low, abs=0.02)
        assert offset == pytest.approx(START + high, abs=0.02)
        assert pitch == pytest.approx(wanted, abs=cents / 100)


@pytest.mark.parametrize("format", ["svl", "midi"])
def test_faint_ends_of_notes_are_left_out(format: str, tracks: F0Tracks, tmp_path: Path) -> None:
    pytest.importorskip("mido")
    (tmp_path / "sure").mkdir()
    (tmp_path / "whole").mkdir()
    grown = np.where(tracks.voiced, tracks.frequencies, 440.0)
    names = voice_names(2)
    whole = EstimatedTracks(grown, F0Tracks(np.zeros_like(grown)), sure=tracks).named(names)
    expected, found = (
        [path.read_bytes() for path in Export(format, tmp_path / folder / "a.x", names).write(one)]
        for folder, one in (("sure", tracks), ("whole", whole))
    )
    assert found == expected


def as_midi(hz: float) -> float:
    return 69 + 12 * np.log2(hz / 440)


def test_midi_is_read_by_pretty_midi(tracks: F0Tracks, tmp_path: Path) -> None:
    pytest.importorskip("mido")
    pretty_midi = pytest.importorskip("pretty_midi")
    (path,) = written("midi", tracks, tmp_path / "a.mid")
    read = pretty_midi.PrettyMIDI(str(path))
    assert [one.name for one in read.instruments] == ["voice_1", "voice_2"]
    for voice, one in enumerate(read.instruments):
        found = []
        for note in one.notes:
            inside = [bend for bend in one.pitch_bends if bend.time <= note.start + 1e-6]
            found.append((note.start, note.end, note.pitch + 2 * inside[-1].pitch / 8192))
        agree(found, voice)


def test_midi_is_read_note_by_note_without_a_library(tracks: F0Tracks, tmp_path: Path) -> None:
    pytest.importorskip("mido")
    (path,) = written("midi", tracks, tmp_path / "a.mid")
    content = path.read_bytes()
    assert content[:4] == b"MThd"
    assert int.from_bytes(content[8:10], "big") == 1  # tracks that sound together
    assert int.from_bytes(content[10:12], "big") == 3
    assert content.count(b"MTrk") == 3
    assert content.count(bytes([0x90, 69, 80])) == 1  # A4 on the first channel
    assert content.count(bytes([0x91, 52, 80])) == 1


def test_a_hole_in_a_note_does_not_break_its_bend(tmp_path: Path) -> None:
    mido = pytest.importorskip("mido")
    row = np.full((1, 60), hertz(60.5))
    row[0, 30] = np.nan
    Export("midi", tmp_path / "a.mid", ["one"]).write(F0Tracks(row))
    bends = [message.pitch for message in mido.MidiFile(tmp_path / "a.mid") if message.type == "pitchwheel"]
    assert bends == [-2048] or bends == [2048]  # half a semitone, once


def test_musicxml_holds_a_part_a_voice(tracks: F0Tracks, tmp_path: Path) -> None:
    pytest.importorskip("music21")
    (path,) = written("musicxml", tracks, tmp_path / "a.musicxml")
    root = ElementTree.parse(path).getroot()
    assert [name.text for name in root.iter("part-name")] == ["voice_1", "voice_2"]
    for part, notes in zip(root.iter("part"), NOTES, strict=True):
        begun = [
            f"{note.findtext('pitch/step')}{note.findtext('pitch/octave')}"
            for note in part.iter("note")
            if note.find("pitch") is not None and "stop" not in [tie.get("type") for tie in note.iter("tie")]
        ]
        assert begun == [note_name(float(hertz(round(pitch)))) for _, _, pitch in notes]


@pytest.mark.filterwarnings("ignore")  # of the library's own imports
def test_musicxml_is_read_by_partitura(tracks: F0Tracks, tmp_path: Path) -> None:
    pytest.importorskip("music21")
    partitura = pytest.importorskip("partitura")
    (path,) = written("musicxml", tracks, tmp_path / "a.musicxml")
    for part, notes in zip(partitura.load_score(str(path)).parts, NOTES, strict=True):
        found = part.note_array()
        assert found["pitch"].tolist() == [round(pitch) for _, _, pitch in notes]
        assert found["onset_quarter"] / 2 == pytest.approx([START + note[0] for note in notes], abs=0.08)


def test_sonic_visualiser_layer_is_xml_of_notes(tracks: F0Tracks, tmp_path: Path) -> None:
    for voice, path in enumerate(written("svl", tracks, tmp_path / "a.svl")):
        root = ElementTree.parse(path).getroot()
        rate = float(root.find("data/model").attrib["sampleRate"])  # type: ignore[union-attr]
        points = [point.attrib for point in root.iter("point")]
        found = []
        for point in points:
            onset = float(point["frame"]) / rate
            found.append((onset, onset + float(point["duration"]) / rate, as_midi(float(point["value"]))))
        agree(found, voice)


def test_tony_files_are_tables_of_numbers(tracks: F0Tracks, tmp_path: Path) -> None:
    paths = written("tony", tracks, tmp_path / "a")
    assert [path.name for path in paths[:2]] == ["a_voice_1_pitch.csv", "a_voice_1_notes.csv"]
    for voice in range(2):
        curve = np.loadtxt(paths[2 * voice], delimiter=",")
        row = tracks.frequencies[voice]
        assert curve[:, 0] == pytest.approx(START + np.flatnonzero(np.isfinite(row)) * FRAME)
        assert curve[:, 1] == pytest.approx(row[np.isfinite(row)], abs=1e-3)
        notes = np.loadtxt(paths[2 * voice + 1], delimiter=",", ndmin=2)
        agree([(t, t + d, as_midi(f)) for t, f, d in notes], voice)


def test_pitch_tier_is_read_by_praat(tracks: F0Tracks, tmp_path: Path) -> None:
    parselmouth = pytest.importorskip("parselmouth")
    (path,) = written("pitchtier", tracks, tmp_path / "a.PitchTier", voices=1)
    tier = parselmouth.read(str(path))
    for onset, offset, pitch in NOTES[0]:
        value = parselmouth.praat.call(tier, "Get value at time", START + (onset + offset) / 2)
        assert as_midi(value) == pytest.approx(pitch, abs=0.01)
    count = parselmouth.praat.call(tier, "Get number of points")
    assert count == np.isfinite(tracks.frequencies[0]).sum()


def test_audacity_labels_are_three_columns(tracks: F0Tracks, tmp_path: Path) -> None:
    first = written("audacity", tracks, tmp_path / "a.txt")[0]
    rows = [line.split("\t") for line in first.read_text(encoding="utf-8").splitlines()]
    assert [row[2] for row in rows] == ["voice_1 A4 +10", "voice_1 B4 +0"]
    assert [float(row[0]) for row in rows] == pytest.approx([START + 0.2, START + 0.7], abs=0.02)


def test_jams_is_valid_for_jams(tracks: F0Tracks, tmp_path: Path) -> None:
    (path,) = written("jams", tracks, tmp_path / "a.jams")
    document = json.loads(path.read_text(encoding="utf-8"))
    spaces = [one["namespace"] for one in document["annotations"]]
    assert spaces == ["pitch_contour", "note_midi"] * 2
    for voice in range(2):
        notes = document["annotations"][2 * voice + 1]["data"]
        agree([(n["time"], n["time"] + n["duration"], n["value"]) for n in notes], voice)


@pytest.mark.filterwarnings("ignore")  # of the library's own imports
def test_jams_is_read_by_jams(tracks: F0Tracks, tmp_path: Path) -> None:
    jams = pytest.importorskip("jams")
    (path,) = written("jams", tracks, tmp_path / "a.jams")
    read = jams.load(str(path), validate=True, strict=True)
    for voice, annotation in enumerate(read.search(namespace="note_midi")):
        intervals, values = annotation.to_interval_values()
        agree([(*interval, value) for interval, value in zip(intervals, values, strict=True)], voice)


def test_one_voice_keeps_the_name_of_the_file() -> None:
    assert Export("svl", Path("x/a.svl"), ["alto"]).targets == [Path("x/a.svl")]
    assert Export("svl", Path("x/a.svl"), ["alto", "bass"]).targets == [
        Path("x/a_alto.svl"),
        Path("x/a_bass.svl"),
    ]


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"'kern' is not one of midi"):
        Export("kern", Path("a"), ["one"])
    assert set(BY_SUFFIX.values()) <= set(FORMATS)


@pytest.mark.parametrize(("format", "extra"), [("midi", "midi"), ("musicxml", "score")])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, format: str, extra: str) -> None:
    for name in ("mido", "music21"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(DependencyError, match=rf'install "vocsep\[{extra}\]"'):
        Export(format, Path("a"), ["one"])
