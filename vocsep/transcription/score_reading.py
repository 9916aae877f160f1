"""Scores from files: MIDI by mido, MusicXML by music21. Every part is one line, in seconds at some tempo."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vocsep.errors import SettingsError
from vocsep.transcription.midi import DRUMS, require_mido
from vocsep.transcription.musicxml import require_music21

QUARTER = 0.6  # s a quarter note where a score says none
MOST_BARS = 20_000  # an opera has some thousands; a damaged file can have millions
SCORES = (".mid", ".midi", ".musicxml", ".mxl", ".xml")


@dataclass(frozen=True)
class WrittenNote:
    """``onset`` and ``duration`` in seconds at the score's tempo, ``pitch`` as MIDI number."""

    onset: float
    duration: float
    pitch: float


@dataclass(frozen=True)
class WrittenScore:
    """What is to be sung.

    Attributes:
        names: of the parts.
        parts: the notes of each in the order of time, one at a time.
        bars: s, where each bar begins.
    """

    names: tuple[str, ...]
    parts: tuple[tuple[WrittenNote, ...], ...]
    bars: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """s, the end of the last note."""
        return max(part[-1].onset + part[-1].duration for part in self.parts)

    def bar(self, seconds: float) -> int:
        """Number of the bar that sounds at a time, 1 = the first."""
        return max(sum(start <= seconds + 1e-6 for start in self.bars), 1)


def read_score(path: Path) -> WrittenScore:
    """Read a score.

    Raises:
        SettingsError: no file, an unknown ending, unreadable, or without notes.
        DependencyError: the package that reads it is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in SCORES:
        raise SettingsError(f"{path}: a score ends in one of {', '.join(SCORES)}")
    if not path.is_file():
        raise SettingsError(f"{path}: no such score")
    library = require_mido(path) if suffix in (".mid", ".midi") else require_music21(path)
    try:
        names, parts, bars = (_midi if suffix in (".mid", ".midi") else _musicxml)(library, path)
    except Exception as error:  # whatever a library makes of a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SettingsError(f"{path}: is no readable score ({reason})") from None
    sung = [(name, one_line(part)) for name, part in zip(names, parts, strict=True) if part]
    if not sung:
        raise SettingsError(f"{path}: holds no notes")
    return WrittenScore(tuple(_told_apart([name for name, _ in sung])), tuple(part for _, part in sung), bars)


def one_line(notes: Sequence[WrittenNote]) -> tuple[WrittenNote, ...]:
    """The upper line of a part: of notes that begin together the highest, none into the next one.

    >>> notes = [WrittenNote(0, 2, 60), WrittenNote(0, 1, 64), WrittenNote(0.5, 1, 62)]
    >>> [note.duration for note in one_line(notes)]
    [0.5, 1]
    """
    upper: list[WrittenNote] = []
    for note in sorted(notes, key=lambda note: (note.onset, -note.pitch)):
        if upper and note.onset - upper[-1].onset < 1e-3:
            continue
        if upper:
            before = upper[-1]
            upper[-1] = WrittenNote(
                before.onset, min(before.duration, note.onset - before.onset), before.pitch
            )
        upper.append(note)
    return tuple(upper)


def _midi(mido: Any, path: Path) -> tuple[list[str], list[list[WrittenNote]], tuple[float, ...]]:
    """Every track, and in it every channel but the drums, is a part."""
    file = mido.MidiFile(str(path), charset="utf-8", clip=True)
    clock = _TempoMap(file)
    names: list[str] = []
    parts: list[list[WrittenNote]] = []
    for number, track in enumerate(file.tracks, start=1):
        channels: dict[int, list[WrittenNote]] = {}
        open_notes: dict[tuple[int, int], int] = {}
        now = 0
        for message in track:
            now += message.time
            if message.type not in ("note_on", "note_off") or message.channel == DRUMS:
                continue
            key = (message.channel, message.note)
            if key in open_notes:
                begun = open_notes.pop(key)
                onset, end = clock.seconds(begun), clock.seconds(now)
                if end > onset:
                    channels.setdefault(key[0], []).append(WrittenNote(onset, end - onset, float(key[1])))
            if message.type == "note_on" and message.velocity:
                open_notes[key] = now
        for notes in channels.values():
            names.append(track.name.strip() or f"part {number}")
            parts.append(notes)
    return names, parts, clock.bars


class _TempoMap:
    """Ticks to seconds, and where bars begin, of all tracks of a MIDI file."""

    def __init__(self, file: Any) -> None:
        events = []
        self._end = 0
        for track in file.tracks:
            now = 0
            for message in track:
                now += message.time
                if message.type in ("set_tempo", "time_signature"):
                    events.append((now, message))
            self._end = max(self._end, now)
        events.sort(key=lambda event: event[0])
        self._division = file.ticks_per_beat
        self._changes = [(0, 0.0, 500_000)]  # tick, s, microseconds a quarter note
        self._metres = [(0, 4 * self._division)]  # tick, ticks a bar
        for tick, message in events:
            if message.type == "set_tempo":
                self._changes.append((tick, self.seconds(tick), message.tempo))
            else:
                length = max(4 * self._division * message.numerator // message.denominator, 1)
                self._metres.append((tick, length))

    def seconds(self, tick: int) -> float:
        begun, second, tempo = next(change for change in reversed(self._changes) if change[0] <= tick)
        return float(second + (tick - begun) * tempo / self._division / 1e6)

    @property
    def bars(self) -> tuple[float, ...]:
        ticks: list[int] = []
        ends = [*(tick for tick, _ in self._metres[1:]), self._end + 1]
        for (tick, length), end in zip(self._metres, ends, strict=True):
            bars = range(tick, end, length)
            if len(ticks) + len(bars) > MOST_BARS:
                raise ValueError(f"more than {MOST_BARS} bars")
            ticks += bars
        return tuple(self.seconds(tick) for tick in ticks)


def _musicxml(music21: Any, path: Path) -> tuple[list[str], list[list[WrittenNote]], tuple[float, ...]]:
    score = music21.converter.parse(str(path))
    names, parts = [], []
    for number, part in enumerate(score.parts, start=1):
        notes = []
        for note in part.stripTies().flatten().notes:
            if note.quarterLength > 0:  # no grace note
                onset, length = float(note.offset) * QUARTER, float(note.quarterLength) * QUARTER
                notes.append(WrittenNote(onset, length, float(max(pitch.midi for pitch in note.pitches))))
        names.append((part.partName or f"part {number}").strip())
        parts.append(notes)
    measures = score.parts[0].getElementsByClass("Measure") if len(score.parts) else []
    return names, parts, tuple(float(measure.offset) * QUARTER for measure in measures)


def _told_apart(names: Sequence[str]) -> list[str]:
    """Names that can be those of files, no two alike.

    >>> _told_apart(["Alto", "alto", "S/A"])
    ['Alto', 'alto_2', 'S_A']
    """
    told: list[str] = []
    for name in names:
        clean = "".join(sign if sign.isprintable() and sign not in '/\\\\:*?"<>|,' else "_" for sign in name)
        clean = clean.strip(" .") or "part"
        taken = [one.casefold() for one in told]
        number, wanted = 1, clean
        while wanted.casefold() in taken:
            number += 1
            wanted = f"{clean}_{number}"
        told.append(wanted)
    return told
