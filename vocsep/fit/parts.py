"""Which stem is which voice: by its name, by its place among all, or by what it sings.

The voices of a recording are the rows of its F0, the highest first. File names count as words: the stem
``Nino_Dios-Soprano 2.wav`` is called soprano. Where the names say nothing and stems lack, the pitch of a stem
itself tells which row of the F0 it sings.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from vocsep.evaluation.pitch_scores import match_voices
from vocsep.pitch.tracks import F0Tracks


def words(text: str) -> list[str]:
    """The words of a name, digits apart from letters.

    >>> words("2_Alto-take3")
    ['2', 'alto', 'take', '3']
    """
    return re.findall(r"[^\W\d_]+|\d+", text.casefold())


def part_of(stem: str, names: Sequence[str]) -> str | None:
    """Which of the ``names`` a stem's file name holds; None where it holds none or several.

    >>> from vocsep.fit.settings import QUARTET
    >>> part_of("1_soprano.flac", QUARTET), part_of("alto and tenor.wav", QUARTET)
    ('soprano', None)
    """
    text = f" {' '.join(words(Path(stem).stem))} "
    held = [name for name in names if f" {' '.join(words(name))} " in text]
    return held[0] if len(held) == 1 else None


def numbered(stem: str) -> int | None:
    """Voice that ``voice_1``, ``voice 1`` or ``voice1`` in a file name means, counted from 0.

    >>> numbered("song voice_2.wav"), numbered("2_alto.wav")
    (1, None)
    """
    found = words(Path(stem).stem)
    for word, following in pairwise(found):
        if word == "voice" and following.isdecimal() and int(following) > 0:
            return int(following) - 1
    return None


def rows_by_name(stems: Sequence[str], voices: int, names: Sequence[str]) -> list[int] | None:
    """The row of each stem, 0 = the highest, as far as file names tell.

    Args:
        stems: file names, in their order.
        voices: how many sing in the recording.
        names: of the voices, the highest first.

    Returns:
        One row for each stem, all different; None where the names do not tell.

    >>> from vocsep.fit.settings import QUARTET
    >>> rows_by_name(["alto.wav", "bass.wav"], 4, QUARTET), rows_by_name(["a.wav"], 4, QUARTET)
    ([1, 3], None)
    """
    numbers = [numbered(stem) for stem in stems]
    given = [number for number in numbers if number is not None and number < voices]
    if len(set(given)) == len(stems):
        return given
    parts = [part_of(stem, names) for stem in stems]
    places = [list(names).index(part) for part in parts if part is not None]
    if len(set(places)) == len(stems):
        if len(names) == voices:
            return places
        if len(stems) == voices:
            return [sorted(places).index(place) for place in places]
    return None


def rows_by_pitch(sung: F0Tracks, heard: F0Tracks) -> list[int]:
    """The row of each stem whose F0 agrees best, every row given once.

    Args:
        sung: F0 of each stem by itself, ``(stems, frames)``.
        heard: F0 of the mixture, ``(voices, frames)``, at least as many voices as stems.
    """
    frames = max(sung.frames, heard.frames)
    rows = match_voices(sung.fitted(frames), heard.fitted(frames))
    return [row for row in rows if row is not None]


def names_of_rows(
    stems: Sequence[str], rows: Sequence[int], voices: int, names: Sequence[str]
) -> tuple[str | None, ...] | None:
    """Name of each voice: all of them where there are as many, else what the stems are called.

    >>> from vocsep.fit.settings import QUARTET
    >>> names_of_rows(["my soprano.wav"], [0], 1, QUARTET)
    ('soprano',)
    >>> names_of_rows(["my soprano.wav"], [0], 3, QUARTET), names_of_rows(["x.wav"], [0], 3, QUARTET)
    (('soprano', None, None), None)
    """
    if len(names) == voices:
        return tuple(names)
    called: list[str | None] = [None] * voices
    for stem, row in zip(stems, rows, strict=True):
        called[row] = part_of(stem, names)
    return tuple(called) if any(called) else None
