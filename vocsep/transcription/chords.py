"""Just intonation relative to the sounding chord.

Wherever a note begins or ends a new chord begins. Its root is the one whose chord of thirds explains the
pitch classes best; above the root each pitch class has a ratio of small whole numbers, five-limit (H.
Helmholtz, "Die Lehre von den Tonempfindungen", 1863; the table of J. Devaney et al., ISMIR 2012). With o_j
what the ratio of voice j lies above its tempered step, in cents, and d_j what the voice sings above the
tempered grid,

    just deviation of voice j = (d_j - o_j) - mean of (d_k - o_k) over the others k

so a voice is compared with what it hears, and a chord that is low as a whole is in tune. Of a note it is the
mean over the chords that it sounds in, weighted by their lengths.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RATIOS = (1, 16 / 15, 9 / 8, 6 / 5, 5 / 4, 4 / 3, 45 / 32, 3 / 2, 8 / 5, 5 / 3, 16 / 9, 15 / 8)
# Cents of the ratio above the root minus those of the tempered interval, by semitones above the root.
JUST = 1200 * np.log2(np.array(RATIOS)) - 100 * np.arange(12)
CHORDS = (
    (0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 3, 7, 10), (0, 4, 7, 11), (0, 3, 6), (0, 3, 6, 10), (0, 5, 7),
    (0, 7), (0, 4), (0, 3),
)  # fmt: skip
SHORTEST = 0.1  # s, a shorter chord is a passing moment


@dataclass(frozen=True)
class Chord:
    """Notes that sound together.

    Attributes:
        start, end: s.
        notes: indices of the notes that sound.
        root: pitch class, 0 = C.
    """

    start: float
    end: float
    notes: NDArray[np.int64]
    root: int


def root_of(numbers: NDArray[np.int64]) -> int:
    """Pitch class of the root of some MIDI numbers; the bass's where chords explain them equally well.

    >>> root_of(np.array([76, 67, 60])), root_of(np.array([72, 67, 64])), root_of(np.array([69, 65, 60]))
    (0, 0, 5)
    """
    present = set((numbers % 12).tolist())
    bass = int(numbers.min()) % 12
    best, chosen = -np.inf, bass
    for root in [bass, *sorted(present - {bass})]:
        above = {(one - root) % 12 for one in present}
        for chord in CHORDS:
            tones = set(chord)
            score = 2 * len(above & tones) - 1.5 * len(above - tones) - len(tones - above)
            if score > best + 1e-9:
                best, chosen = score, root
    return chosen


def chords_of(onsets: Array, offsets: Array, numbers: NDArray[np.int64]) -> list[Chord]:
    """All chords of at least two pitch classes, in the order of time.

    Args:
        onsets, offsets: ``(notes,)`` s, of all voices.
        numbers: ``(notes,)`` MIDI numbers.
    """
    edges = np.unique(np.concatenate([onsets, offsets]))
    middles = (edges[:-1] + edges[1:]) / 2
    order = np.argsort(onsets, kind="stable")
    chords = []
    for start, end, middle in zip(edges[:-1], edges[1:], middles, strict=True):
        if end - start < SHORTEST:
            continue
        begun = order[: np.searchsorted(onsets[order], middle)]
        sounding = begun[offsets[begun] > middle]
        if len(set((numbers[sounding] % 12).tolist())) > 1:
            chords.append(Chord(float(start), float(end), np.sort(sounding), root_of(numbers[sounding])))
    return chords


def just_offsets(chord: Chord, numbers: NDArray[np.int64]) -> Array:
    """Cents that each of the chord's notes lies above its tempered step in just intonation."""
    return np.asarray(JUST[(numbers[chord.notes] - chord.root) % 12])


def just_deviations(chords: list[Chord], numbers: NDArray[np.int64], cents: Array) -> Array:
    """Deviation of every note from just intonation relative to the others it sounds with.

    Args:
        chords: of the piece.
        numbers: ``(notes,)`` MIDI numbers.
        cents: ``(notes,)`` what each is sung above the tempered grid.

    Returns:
        ``(notes,)`` cents, NaN of notes that sound alone.
    """
    total, weight = np.zeros(len(numbers)), np.zeros(len(numbers))
    for chord in chords:
        pure = cents[chord.notes] - just_offsets(chord, numbers)
        others = (pure.sum() - pure) / (len(pure) - 1)
        total[chord.notes] += (chord.end - chord.start) * (pure - others)
        weight[chord.notes] += chord.end - chord.start
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)


def just_targets(chords: list[Chord], numbers: NDArray[np.int64], cents: Array) -> Array:
    """What each note would have to be sung at, in cents above the tempered grid, to be just with the others;
    NaN of notes that sound alone."""
    return cents - just_deviations(chords, numbers, cents)
