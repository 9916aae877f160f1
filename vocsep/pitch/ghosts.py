"""Ghosts: pitches that are heard clearly and explain nothing.

The salience network sees patterns over 70 dB of level. What leaks from headphones, a combination of other
voices' partials, or the noise of a room can look like a singer to it, and the assignment, with a voice to
spare, believes it. The source model tells them apart: without a singer the mixture is explained worse,
whatever the levels of the others; without a ghost as well as before. So each note is left out once, with the
levels of all voices by a closed-form fit (`vocsep.pitch.octaves.unexplained`), and a note that explains far
less than the notes of the recording usually do is a ghost. Its candidates lose salience, and the assignment
decides again.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.estimator.long_spectra import LONG_HOP
from vocsep.memory import worked_on_cores
from vocsep.pitch.candidates import Candidates, log_odds
from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.octaves import MARGIN, unexplained, unexplained_within
from vocsep.pitch.stretches import find_cuts
from vocsep.spectra import HOP

Array = NDArray[np.float64]
Note = tuple[int, int, int]  # voice, first frame, one past the last

CHUNK = 1250  # frames explained together; `MARGIN` are heard on either side
SHORTEST = 12  # frames of a note that is judged
SHARE = 0.07  # of what the notes of the recording explain: a note that explains less is a ghost
FEWEST = 4  # notes by which what is usual can be told
COVERED = (0.0, 12.0, 19.0, 24.0)  # semitones above another track at which a note's partials are the other's
ALONE = 0.8  # semitones from such a place: nearer, what a note explains says nothing
NEAR = 0.6  # semitones from a ghost's track within which a candidate belongs to it
FALL = 6.0  # nats that the salience of a ghost loses
EXPLAINED = 0.08  # of what is unexplained without a short note of three and more voices, it must explain
DOUBT = 2.4  # nats, mean log odds of salience: who is heard more clearly is no such ghost
BRIEF = (6, 50)  # frames: what is shorter harms nobody, and a longer note is sung
STEP = 0.8  # semitones between frames at which a new note begins
SAME = 0.7  # semitones between tracks of one line


@dataclass(frozen=True)
class Notes:
    """Notes of tracks, one number each: ``track``, ``first`` and ``last`` (one past) frame, and ``gain``: by
    how much the mixture is better explained with it, of the mixture's magnitudes."""

    track: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    gain: Array


def left_unexplained(audio: NDArray[np.float32], pitch: Array) -> Array:
    """What all tracks leave unexplained in each second frame, and what they leave without each of them.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(tracks, frames)`` semitones, NaN = silent.

    Returns:
        ``(1 + tracks, frames // 2 + 1)``, of the frame's magnitudes, all tracks first; a track without which
        nothing changes, because it is silent, leaves what all leave.
    """
    step, frames = LONG_HOP // HOP, pitch.shape[1]
    result = np.zeros((1 + len(pitch), -(-frames // step)))
    for first in range(0, frames, CHUNK):
        begin, end = max(first - MARGIN, 0), min(first + CHUNK + MARGIN, frames)
        tracks = pitch[:, begin:end]
        if not np.isfinite(tracks).any():
            continue
        piece = audio[begin * HOP : (end - 1) * HOP + 1]
        kept = slice((first - begin) // step, (min(first + CHUNK, frames) - begin + step - 1) // step)
        sounding = np.flatnonzero(np.isfinite(tracks).any(axis=1))
        guesses = np.repeat(tracks[None], 1 + len(sounding), axis=0)  # none silent in the first, then each
        guesses[1 + np.arange(len(sounding)), sounding] = np.nan
        left = unexplained(piece, guesses)[:, kept]
        own = slice(first // step, first // step + left.shape[1])
        result[:, own] = left[0]
        result[1 + sounding, own] = left[1:]
    return result


def judged_notes(audio: NDArray[np.float32], pitch: Array) -> Notes:
    """What each note explains that is sung by one track alone.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(tracks, frames)`` semitones, NaN = silent.
    """
    left, step = left_unexplained(audio, pitch), LONG_HOP // HOP
    gain = left[1:] - left[0]
    found = []
    for first, last in pairwise(find_cuts(pitch).tolist()):
        piece = pitch[:, first:last]
        there = np.isfinite(piece)
        for track in np.flatnonzero(there.sum(axis=1) >= SHORTEST):
            above = piece[track] - np.delete(piece, track, axis=0)
            covered = (np.abs(above[:, None] - np.array(COVERED)[:, None]) < ALONE).any(axis=(0, 1))
            if covered.mean() < 0.3:
                mean = gain[track, first // step : max(last // step, first // step + 1)].mean()
                found.append((int(track), first, last, float(mean)))
    rows = np.array(found, dtype=np.float64).reshape(-1, 4)
    whole = rows[:, :3].astype(np.int64)
    return Notes(whole[:, 0], whole[:, 1], whole[:, 2], rows[:, 3])


def without_ghosts(audio: NDArray[np.float32], candidates: Candidates, pitch: Array) -> Candidates:
    """Candidates of which those of ghosts have lost salience.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        candidates: of all frames.
        pitch: ``(tracks, frames)`` semitones, NaN = silent: the tracks that were made of these candidates.

    Returns:
        The same object where there are no ghosts.
    """
    notes = judged_notes(audio, pitch)
    if len(notes.gain) < FEWEST:
        return candidates
    weights = (notes.last - notes.first).astype(np.float64)
    order = np.argsort(notes.gain)
    usual = notes.gain[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)]
    ghosts = np.flatnonzero(notes.gain < SHARE * usual)
    if not len(ghosts):
        return candidates
    lost = np.zeros(candidates.pitch.shape)
    for ghost in ghosts:
        part = slice(int(notes.first[ghost]), int(notes.last[ghost]))
        away = np.abs(candidates.pitch[part] - pitch[notes.track[ghost], part, None])
        lost[part] = np.where(away < NEAR, FALL, lost[part])
    salience = 1 / (1 + np.exp(lost - log_odds(candidates.salience)))
    return Candidates(candidates.pitch, np.where(lost > 0, salience, candidates.salience))


def share_explained(audio: NDArray[np.float32], pitch: Array, voice: int, first: int, last: int) -> float:
    """Which share of what the mixture leaves unexplained without a note, the note explains.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(voices, frames)`` semitones, NaN = silent. voice, first, last: the note, frames one past.
    """
    sung = pitch[:, first:last]
    silent = sung.copy()
    silent[voice] = np.nan
    without, with_it = map(float, unexplained_within(audio, pitch, first, last, (silent, sung)))
    return (without - with_it) / max(without, 1e-12)


def without_short_ghosts(audio: NDArray[np.float32], pitch: Array, odds: Array) -> Array:
    """Tracks of three and more voices, silent where a short note explains next to nothing.

    A partial that the lower voices share is heard for a moment as a voice above them; whoever is given it
    leaves the line on which he sings with others. On real quartets nine of ten notes that are sung in such
    places explain .2 and more of what is left without them, ghosts .04 to .13.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(voices, frames)`` semitones, NaN = silent.
        odds: ``(voices, frames)`` log odds of the salience of each track's pitch.
    """
    notes = _doubtful(pitch, odds)
    # All are judged at once, as if the others stayed; where one has gone, what it was beside is judged again.
    alone = [note for note in notes if not _is_shared(pitch, note)]

    def explained(note: Note) -> float:
        return share_explained(audio, pitch, *note)

    known = dict(zip(alone, worked_on_cores(alone, explained), strict=True))
    kept = pitch.copy()
    for note in notes:
        voice, first, last = note
        if _is_shared(kept, note):
            continue
        near = slice(max(first - MARGIN, 0), last + MARGIN)
        as_before = note in known and np.array_equal(kept[:, near], pitch[:, near], equal_nan=True)
        share = known[note] if as_before else share_explained(audio, kept, *note)
        if share < EXPLAINED:
            kept[voice, first:last] = np.nan
    return np.asarray(kept)


def _doubtful(pitch: Array, odds: Array) -> list[Note]:
    """Short notes of which the salience is not sure."""
    notes = []
    for voice, track in enumerate(pitch):
        edges = np.flatnonzero(np.abs(np.diff(track)) > STEP) + 1  # NaN compares as false
        for begin, end in voiced_runs(np.isfinite(track)):
            within = edges[(edges > begin) & (edges < end)].tolist()
            for first, last in pairwise([begin, *within, end]):
                if BRIEF[0] <= last - first <= BRIEF[1] and odds[voice, first:last].mean() <= DOUBT:
                    notes.append((voice, first, last))
    return notes


def _is_shared(pitch: Array, note: Note) -> bool:
    """Whether another voice is on a note's line, mostly."""
    voice, first, last = note
    away = np.abs(np.delete(pitch[:, first:last], voice, axis=0) - pitch[voice, first:last])
    return bool((away < SAME).any(axis=0).mean() > 0.5)
