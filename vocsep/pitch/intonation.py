"""Notes, cents, and how one voice lies and is tuned: what the F0 of a voice says to a singer."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONCERT_PITCH = 440.0  # Hz, A4
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
RANGE = (1.0, 99.0)  # percentiles taken as the ends of the range, so that a few wrong frames do not widen it


@dataclass(frozen=True)
class VoiceStatistics:
    """What a choir director asks of one voice; all but the share are None where the voice is never voiced.

    Lowest and highest are the 1st and 99th percentile of the voiced frames. The deviation is the circular
    mean of the distance from the nearest tempered semitone (A4 = 440 Hz), within -50 .. 50 cents; the spread
    is the root mean square of what is left around it (0 .. 50 cents; 29 where there is no tuning at all).
    """

    voice: int
    lowest_hz: float | None
    highest_hz: float | None
    median_hz: float | None
    median_note: str | None
    voiced_share: float
    deviation_cents: float | None
    spread_cents: float | None


def statistics_of_voice(voice: int, frequencies: NDArray[np.float64]) -> VoiceStatistics:
    """Range, median, share of voiced frames and intonation of one voice.

    Args:
        voice: its number, 1 = highest.
        frequencies: ``(frames,)`` in Hz, NaN = unvoiced.
    """
    sung = frequencies[np.isfinite(frequencies)]
    share = sung.size / max(frequencies.size, 1)
    if not sung.size:
        return VoiceStatistics(voice, None, None, None, None, share, None, None)
    offset = cents_apart(sung, CONCERT_PITCH)  # modulo 100 this is the distance from a tempered note
    # An angle, not a plain mean: +49 and -49 cents are neighbours, and their mean is 50, not 0.
    deviation = float(np.angle(np.mean(np.exp(2j * np.pi * offset / 100)))) * 100 / (2 * np.pi)
    around = (offset - deviation + 50) % 100 - 50
    spread = float(np.sqrt(np.mean(around**2)))
    low, high = (float(value) for value in np.percentile(sung, RANGE))
    median = float(np.median(sung))
    return VoiceStatistics(voice, low, high, median, note_name(median), share, deviation, spread)


def note_name(frequency: float) -> str:
    """Name of the nearest tempered note, A4 = 440 Hz.

    >>> note_name(440.0), note_name(277.2), note_name(65.0)
    ('A4', 'C#4', 'C2')
    """
    number = round(69 + 12 * math.log2(frequency / CONCERT_PITCH))
    return f"{NOTES[number % 12]}{number // 12 - 1}"


def cents_apart(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """How far ``first`` lies above ``second``: ``1200 log2(first / second)`` cents, NaN if unvoiced.

    >>> round(float(cents_apart(880.0, 440.0)))
    1200
    """
    return np.asarray(
        1200 * np.log2(np.asarray(first, dtype=np.float64) / np.asarray(second, dtype=np.float64))
    )
