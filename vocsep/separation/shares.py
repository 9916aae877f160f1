"""Stems where it is not sure who sings: of what lies on each track, each singer has a share.

The stem with the least expected squared error is the mean over all that may be so: what lies on each track,
times the probability that the singer is on it (`vocsep.pitch.singer_posterior`). So no part is lost where
two singers have changed tracks unnoticed, and the stems still add up. Where tracks are one for a while, their
sounds were told apart by little: most of it is spread evenly over those who sing there.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from vocsep.pitch.envelopes import EVERY, track_envelopes
from vocsep.pitch.joining import SAME
from vocsep.pitch.singer_posterior import singer_posterior
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]
Audio = NDArray[np.float32]

FEWEST = 3  # voices; which of two sings is asked by networks (`vocsep.pitch.naming`)
LEAST = 0.01  # share that is worth moving, 40 dB below the rest
DOUBTFUL = 0.1  # share from which singers may have changed tracks
OFTEN = 0.05  # of the time, from which that is worth a remark
SPREAD = 0.8  # of a unison that is spread evenly
LASTS = 7  # windows before and after, 0.5 s, all of which are in unison where that is done wholly


@dataclass(frozen=True)
class SingerShares:
    """Who has how much of what lies on each track.

    Attributes:
        moved: ``(singers, tracks, windows)`` in every `EVERY`-th frame, share of a track that goes to another
            singer than its own; 0 on the diagonal.
        together: the same shape, where two tracks are one, which is no doubt about who is who; nowhere by
            default.
    """

    moved: Array
    together: NDArray[np.bool_] | None = None

    def mixed(self, stems: Audio, first: float, sample_rate: int) -> Audio:
        """Stems of singers.

        Args:
            stems: ``(voices, samples, channels)``, of tracks. first: s, where they begin.
            sample_rate: Hz.

        Returns:
            The same shape, with the same sum; the same object where nothing is moved.
        """
        window = (np.arange(stems.shape[1]) / sample_rate + first) * (SAMPLE_RATE / (EVERY * HOP))
        reached = slice(int(window[0]), int(window[-1]) + 2) if len(window) else slice(0)
        pairs = np.argwhere((self.moved[:, :, reached] > 0).any(axis=2))
        if not len(pairs):
            return stems
        mixed: Audio = stems.copy()
        places = np.arange(self.moved.shape[2])
        for singer, track in pairs:
            share = np.interp(window, places, self.moved[singer, track]).astype(np.float32)
            part = share[:, None] * stems[track]
            mixed[singer] += part
            mixed[track] -= part
        return mixed

    def kept(self, first: int, last: int) -> NDArray[np.float32]:
        """Share of each track that is its own singer's, of frames ``first`` to ``last``, ``(voices,
        frames)``."""
        windows = np.minimum(np.arange(first, last) // EVERY, self.moved.shape[2] - 1)
        kept: NDArray[np.float32] = (1 - self.moved.sum(axis=0)[:, windows]).astype(np.float32)
        return kept

    def remarks(self) -> list[str]:
        """Whose tracks may have been exchanged, and for how long."""
        notes = []
        for one, other in combinations(range(len(self.moved)), 2):
            doubtful = np.maximum(self.moved[one, other], self.moved[other, one]) > DOUBTFUL
            if self.together is not None:
                doubtful &= ~self.together[one, other]
            share = float(doubtful.mean())
            if share > OFTEN:
                notes.append(
                    f"voices {one + 1} and {other + 1} may have been taken for each other in "
                    f"{100 * share:.0f} % of the time: there each stem has something of both"
                )
        return notes


def singer_shares(audio: Audio, tracks: F0Tracks) -> SingerShares | None:
    """Shares in tracks that were estimated; None of so few voices that nothing is to be shared.

    Args:
        audio: ``(samples,)`` mono at 16 kHz. tracks: of it.
    """
    if tracks.voices < FEWEST:
        return None
    pitch = 69 + 12 * np.log2(tracks.frequencies / 440)  # NaN stays NaN
    posterior = singer_posterior(pitch, *track_envelopes(audio, pitch))
    together = _together(pitch[:, ::EVERY])
    spread = _spread(together)
    moved = np.einsum("ijt,jkt->ikt", spread, posterior)
    own = np.eye(tracks.voices, dtype=np.bool_)[:, :, None]
    return SingerShares(np.where(own | (moved < LEAST), 0.0, moved), together)


def _together(pitch: Array) -> NDArray[np.bool_]:
    """Where two tracks ``(tracks, windows)`` are one, ``(tracks, tracks, windows)``; no track and itself."""
    same = np.abs(pitch[:, None] - pitch) < SAME  # NaN compares as false
    same[np.arange(len(pitch)), np.arange(len(pitch))] = False
    return np.asarray(same)


def _spread(together: NDArray[np.bool_]) -> Array:
    """Share of each track that each singer has where several are on it, the shape of `_together`."""
    around = np.pad(together.astype(np.float64), ((0, 0), (0, 0), (LASTS, LASTS)), mode="edge")
    lasting = sliding_window_view(around, 2 * LASTS + 1, axis=-1).mean(axis=-1)
    spread = SPREAD * together * lasting / (1 + together.sum(axis=0))
    return np.asarray(spread + np.eye(len(together))[:, :, None] * (1 - spread.sum(axis=0)))
