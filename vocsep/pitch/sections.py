"""F0 of recordings of many hours: section after section, so that memory does not grow with their length.

Each section is estimated with some seconds of its neighbours. There both know the voices, and those that sing
the same are taken for one; where nobody sings around an edge, the order of height says who is who.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import VoicesNotFound
from vocsep.media.analysis_file import give_back
from vocsep.pitch.alternatives import EstimatedTracks, surely_sung
from vocsep.pitch.candidates import Candidates
from vocsep.pitch.how_many import number_of_voices
from vocsep.pitch.tracks import F0Tracks, order_of_height
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count, pieces

SECTION = 15 * 60 * SAMPLE_RATE // HOP  # frames; what is shorter than one and a half of it is estimated whole
SHARED = 20 * SAMPLE_RATE // HOP  # frames on either side of an edge that both sections know
SAME = 0.5  # semitones between tracks that sing the same
SAMPLED = 40  # pieces, over the whole recording, that decide how many sing
PIECE = 30 * SAMPLE_RATE // HOP  # frames of such a piece
MOST = 8  # candidates a frame, for that decision

Audio = NDArray[np.float32]
Tell = Callable[[float], None]


class WholeEstimator(Protocol):
    """Estimates what is no longer than a section (`vocsep.pitch.estimate.PitchEstimator`)."""

    def first_look(self, audio: Audio, most: int) -> tuple[Candidates, NDArray[np.uint8]]:
        """Salience and its peaks."""

    def estimate_whole(self, audio: Audio, voices: int | None, told: Tell) -> EstimatedTracks:
        """One track for each voice, the highest median first."""


def is_long(samples: int) -> bool:
    """Whether a recording of so many samples has several sections."""
    return len(pieces(frame_count(samples), SECTION)) > 1


def estimate_sections(
    estimator: WholeEstimator, audio: Audio, voices: int | None, told: Tell
) -> EstimatedTracks:
    """Tracks of a long recording, the highest median first.

    Args:
        estimator: of each section.
        audio: ``(samples,)`` mono at 16 kHz; may be a memory map.
        voices: how many sing; None: decided from pieces all over the recording.
        told: the share done, 0 to 1.

    Raises:
        VoicesNotFound: nobody sings in any section.
    """
    voices = voices or _voices_of(estimator, audio)
    frames = frame_count(len(audio))
    found = np.full((3, voices, frames), np.nan)  # what is surely sung, alternatives, tracks
    remarks: dict[str, None] = {}
    silent: VoicesNotFound | None = None
    sung = 0
    for first, last in pieces(frames, SECTION):
        begin, end = max(first - SHARED, 0), min(last + SHARED, frames)

        def within(share: float, begun: int = first, ended: int = last) -> None:
            told((begun + share * (ended - begun)) / frames)

        try:
            section = estimator.estimate_whole(audio[begin * HOP : (end - 1) * HOP + 1], voices, within)
        except VoicesNotFound as error:
            silent = error
            continue
        finally:
            give_back(audio)
        sung += 1
        remarks.update(dict.fromkeys(section.remarks))
        parts = surely_sung(section), section.alternative, section
        new = np.stack([part.frequencies for part in parts])
        # What the section before has found beyond its end is still there, to be compared with.
        order = same_voices(found[0, :, begin : first + SHARED], new[0, :, : first + SHARED - begin])
        found[:, :, first:end] = new[:, order, first - begin :]
    if silent is not None and not sung:
        raise silent
    found = found[:, order_of_height(found[0])]
    sure, alternative = (F0Tracks(rows) for rows in found[:2])
    return EstimatedTracks(found[2], alternative, tuple(remarks), sure)


def same_voices(known: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which of the new tracks goes on with each of the known ones.

    Args:
        known, new: ``(voices, frames)`` in Hz of the same frames, NaN = silent.

    Returns:
        ``(voices,)``, rows of ``new``; in order where nothing tells them.

    >>> same_voices(np.array([[440.0], [220.0]]), np.array([[221.0], [440.0]])).tolist()
    [1, 0]
    """
    from scipy.optimize import linear_sum_assignment  # long recordings alone need it

    frames = min(known.shape[1], new.shape[1])
    apart = np.abs(12 * np.log2(known[:, None, :frames] / new[None, :, :frames]))
    alike = (apart < SAME).sum(axis=2) + 0.5 * np.eye(len(known))
    rows: NDArray[np.int64] = linear_sum_assignment(alike, maximize=True)[1]
    return rows


def _voices_of(estimator: WholeEstimator, audio: Audio) -> int:
    """How many sing, as a few pieces of the recording say."""
    starts = np.linspace(0, frame_count(len(audio)) - PIECE, SAMPLED).astype(int)
    heard = []
    for start in starts:
        heard.append(estimator.first_look(audio[start * HOP : (start + PIECE) * HOP], MOST)[0])
        give_back(audio)
    pitch, salience = (
        np.concatenate([getattr(one, name) for one in heard]) for name in ("pitch", "salience")
    )
    return number_of_voices(Candidates(pitch, salience))
