"""Corrections of pitches by hand: each is a pure function from F0 tracks to F0 tracks.

An edit never changes what it is given. So a project keeps the estimate and the list of edits, and every state
of it, undone or done again, is the estimate with the first so many edits applied.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import F0Error
from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.notes import FRAME

Rows = NDArray[np.float64]

BOUNDS = 20.0, 4000.0  # Hz, what a person may ask for
MOST_POINTS = 100_000  # of a drawn line


@dataclass(frozen=True)
class Edit:
    """One correction.

    Attributes:
        kind: one of `KINDS`.
        voice: whose F0, from 0.
        start, end: s, the frames from ``start`` on and before ``end``; None for ``end``: to the last one.
        other: the second voice of ``give`` and ``swap``.
        cents: how far ``shift`` moves.
        points: ``(s, Hz)`` of ``draw``, rising in time.
    """

    kind: str
    voice: int
    start: float
    end: float | None = None
    other: int | None = None
    cents: float = 0.0
    points: tuple[tuple[float, float], ...] = ()

    def apply(self, tracks: F0Tracks) -> F0Tracks:
        """The tracks with this correction.

        Raises:
            F0Error: there is no such voice, no frame in the stretch, or a frequency would be out of `BOUNDS`.
        """
        for voice in (self.voice, self.other):
            if voice is not None and not 0 <= voice < tracks.voices:
                raise F0Error(f"edit: there is no voice {voice + 1}, only 1 to {tracks.voices}")
        rows = tracks.frequencies.copy()
        KINDS[self.kind](self, rows, self._frames(tracks.frames))
        low, high = BOUNDS
        new = rows[np.isfinite(rows) & ~np.equal(rows, tracks.frequencies)]
        if new.size and not (low <= new.min() and new.max() <= high):
            raise F0Error(f"edit: a pitch would lie outside of {low:.0f} to {high:.0f} Hz")
        return F0Tracks(rows, names=tracks.names)

    def _frames(self, frames: int) -> slice:
        first = max(_frame_from(self.start), 0)
        last = frames if self.end is None else min(_frame_from(self.end), frames)
        if first >= last:
            raise F0Error(f"edit: no frame lies between {self.start:g} and {self.end or 0:g} s")
        return slice(first, last)

    def to_dict(self) -> dict[str, Any]:
        """As `parse_edit` reads it."""
        plain: dict[str, Any] = {"kind": self.kind, "voice": self.voice}
        if self.kind == "draw":
            return plain | {"points": [list(point) for point in self.points]}
        plain["start"] = self.start
        if self.kind == "swap":
            return plain | {"with": self.other}
        plain["end"] = self.end
        if self.kind == "give":
            plain["to"] = self.other
        if self.kind == "shift":
            plain["cents"] = self.cents
        return plain


def _frame_from(seconds: float) -> int:
    """The first frame that does not lie before a time."""
    return math.ceil(seconds / FRAME - 1e-6)


def _shift(edit: Edit, rows: Rows, where: slice) -> None:
    rows[edit.voice, where] *= 2 ** (edit.cents / 1200)


def _exchange(edit: Edit, rows: Rows, where: slice) -> None:
    """What one has the other gets, and back: nothing that was heard is lost."""
    assert edit.other is not None  # `parse_edit` asks for it
    pair = [edit.voice, edit.other]
    rows[pair, where] = rows[pair[::-1], where]


def _erase(edit: Edit, rows: Rows, where: slice) -> None:
    rows[edit.voice, where] = np.nan


def _draw(edit: Edit, rows: Rows, where: slice) -> None:
    times, frequencies = (np.array(column) for column in zip(*edit.points, strict=True))
    grid = np.arange(where.start, where.stop) * FRAME
    rows[edit.voice, where] = np.exp2(np.interp(grid, times, np.log2(frequencies)))


def _extend(edit: Edit, rows: Rows, where: slice) -> None:
    """Unvoiced frames of the stretch get the F0 of the voiced frame that is nearest to them in time."""
    row = rows[edit.voice]
    voiced = np.flatnonzero(np.isfinite(row))
    if not voiced.size:
        raise F0Error(f"edit: voice {edit.voice + 1} never sings, there is nothing to extend")
    frames = np.arange(where.start, where.stop)
    after = np.clip(np.searchsorted(voiced, frames), 0, voiced.size - 1)
    before = np.maximum(after - 1, 0)
    closer = np.abs(voiced[before] - frames) <= np.abs(voiced[after] - frames)
    nearest = row[voiced[np.where(closer, before, after)]]
    row[where] = np.where(np.isfinite(row[where]), row[where], nearest)


KINDS: dict[str, Callable[[Edit, Rows, slice], None]] = {
    "shift": _shift,
    "give": _exchange,
    "swap": _exchange,
    "erase": _erase,
    "draw": _draw,
    "extend": _extend,
}


def parse_edit(plain: object) -> Edit:
    """An edit from JSON, ``{"kind", "voice", "start", "end", ...}``.

    ``shift`` has ``cents``, ``give`` the voice ``to``, ``swap`` the voice ``with`` and no ``end``, ``draw``
    only ``points`` ``[[s, Hz], ...]``.

    Raises:
        F0Error: it is no such edit; the line says what lacks.
    """
    if not isinstance(plain, Mapping):
        raise F0Error("edit: an object with kind, voice, start and end is needed")
    kind = plain.get("kind")
    if kind not in KINDS:
        raise F0Error(f"edit: kind {kind!r} is not one of {', '.join(KINDS)}")
    voice = _voice(plain, "voice")
    if kind == "draw":
        points = _points(plain.get("points"))
        half = FRAME / 2  # even a single point has a frame
        return Edit(kind, voice, points[0][0] - half, points[-1][0] + half, points=points)
    start = _number(plain, "start")
    end = None if kind == "swap" else _number(plain, "end")
    other = {"give": "to", "swap": "with"}.get(kind)
    edit = Edit(kind, voice, start, end, None if other is None else _voice(plain, other))
    if edit.other == voice:
        raise F0Error("edit: two different voices are needed")
    return edit if kind != "shift" else Edit(kind, voice, start, end, cents=_number(plain, "cents"))


def _number(plain: Mapping[Any, Any], name: str) -> float:
    value = plain.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise F0Error(f"edit: {name} is {value!r}, a number is needed")
    return float(value)


def _voice(plain: Mapping[Any, Any], name: str) -> int:
    value = plain.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise F0Error(f"edit: {name} is {value!r}, the number of a voice from 0 is needed")
    return value


def _points(plain: object) -> tuple[tuple[float, float], ...]:
    if not isinstance(plain, Sequence) or not 1 <= len(plain) <= MOST_POINTS:
        raise F0Error(f"edit: points of draw are a list of 1 to {MOST_POINTS} [seconds, Hz]")
    points = []
    for point in plain:
        if not isinstance(point, Sequence) or len(point) != 2:
            raise F0Error(f"edit: {point!r} is not [seconds, Hz]")
        at = dict(zip(("seconds", "Hz"), point, strict=True))
        points.append((_number(at, "seconds"), _number(at, "Hz")))
    times = [time for time, _ in points]
    if times != sorted(times) or min(frequency for _, frequency in points) < BOUNDS[0]:
        raise F0Error(f"edit: points of draw rise in time and lie at {BOUNDS[0]:.0f} Hz and above")
    return tuple(points)


def edited(tracks: F0Tracks, edits: Sequence[Edit]) -> F0Tracks:
    """Tracks with edits applied one after another."""
    for edit in edits:
        tracks = edit.apply(tracks)
    return tracks
