"""From a recording to one F0 track for each voice."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.errors import SettingsError, VoicesNotFound
from vocsep.model import load_model, pick_device, shipped_model
from vocsep.pitch import DEFAULT_REFINE
from vocsep.pitch.alternatives import EstimatedTracks, find_alternatives
from vocsep.pitch.candidates import CANDIDATES, FLOOR, Candidates, find_candidates
from vocsep.pitch.crossings import cross_voices
from vocsep.pitch.gaps import mend
from vocsep.pitch.harmonic_stack import BINS
from vocsep.pitch.heuristic import assign_heuristic
from vocsep.pitch.octaves import lower_octaves
from vocsep.pitch.refinement import F0Refinement, best_places
from vocsep.pitch.salience import SalienceNetwork, restore_network
from vocsep.pitch.tracks import F0Tracks
from vocsep.pitch.viterbi import assign_viterbi
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

Assignment = Literal["viterbi", "heuristic"]

MOST_VOICES = 8  # the configurations of more cannot be listed, and no training mixture had more
SURE = 0.8  # salience above which a candidate is surely sung
CLEAR, LIKELY = 0.7, 0.5  # salience of candidates that count as voices: of one or two, of three or more
OFTEN = 0.25  # of the sung frames, in which so many voices must sound
CHUNK = 1875  # frames, 30 s, of a pass through the network
CONTEXT = 312  # frames, 5 s, heard on either side of a chunk (even, so that chunks keep the network's phase)
ROUNDS = 2  # in which octaves that nobody sings are looked for
LEAST = 0.1  # s of singing under which nobody sings


class Guide(Protocol):
    """Knows what is to be sung, such as a score (`vocsep.transcription.score_guide`)."""

    @property
    def voices(self) -> int:
        """Number of its parts."""

    @property
    def singing(self) -> NDArray[np.float32]:
        """``(parts, frames)`` nats by which singing is likelier than it sounds, once parts were assigned."""

    def assign(self, candidates: Candidates, salience: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Pitch of each part ``(parts, frames)`` in semitones, NaN = silent, from candidates and salience
        ``(BINS, frames)``."""


def number_of_voices(candidates: Candidates) -> int:
    """How many voices sing at once: the largest number that sounds in a quarter of the sung frames.

    One or two voices count where they are heard clearly: a lone voice's partials make weak candidates. Among
    three or more, where voices cover each other, the likely ones count.
    """
    clear = _sounding(candidates, CLEAR)
    return clear if clear < 3 else max(clear, _sounding(candidates, LIKELY))


def _sounding(candidates: Candidates, salience: float) -> int:
    """The largest number of candidates above ``salience`` in a quarter of the frames that have any."""
    sung = (candidates.salience > salience).sum(axis=1)
    active = sung[sung > 0]
    shares = [np.mean(active >= voices) for voices in range(1, candidates.count + 1)] if len(active) else []
    return max(sum(bool(share >= OFTEN) for share in shares), 1)


class PitchEstimator:
    """Multi-F0 estimation and assignment for whole recordings.

    Args:
        model: weights of the salience network; the shipped ones by default.
        refiner: weights of the F0 refinement; the shipped ones by default.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        assign: ``viterbi`` (default) or ``heuristic`` (the paper's).
        refine: how many times each voice is looked at again, once the tracks of all are known; 0 = never.

    Raises:
        ModelError: the weights cannot be used.
        SettingsError: unknown assignment, or ``refine`` is negative.
    """

    def __init__(
        self,
        model: Path | str | None = None,
        refiner: Path | str | None = None,
        *,
        device: str = "cpu",
        assign: str = "viterbi",
        refine: int = DEFAULT_REFINE,
    ) -> None:
        if refine < 0:
            raise SettingsError(f"refine: {refine} looks, at least 0 are possible")
        if assign not in ("viterbi", "heuristic"):
            raise SettingsError(f"assign: {assign!r} is not one of viterbi, heuristic")
        stored = load_model(model or shipped_model("pitch"), "pitch")
        self.device = pick_device(device)
        self.network: SalienceNetwork = restore_network(stored).to(self.device)
        self.assign, self.refine = assign, refine
        self.second = F0Refinement(refiner, device=self.device) if refine else None

    def first_look(
        self, audio: NDArray[np.float32], most: int, progress: Callable[[float], None] | None = None
    ) -> tuple[Candidates, NDArray[np.uint8]]:
        """Salience and its peaks in every frame, in chunks of 30 s.

        Args:
            audio: ``(samples,)`` mono at 16 kHz.
            most: candidates a frame.
            progress: told the share done, 0 to 1.

        Returns:
            candidates, and salience ``(BINS, frames)``, 0 to 255 for 0 to 1: 37 MB an hour.
        """
        frames = frame_count(len(audio))
        parts: list[Candidates] = []
        heard = np.zeros((BINS, frames), np.uint8)
        for first in range(0, frames, CHUNK):
            last = min(first + CHUNK, frames)
            begin = max(first - first % 2 - CONTEXT, 0)
            piece = audio[begin * HOP : (last + CONTEXT) * HOP]
            salience = self.network.salience(torch.from_numpy(np.ascontiguousarray(piece)).to(self.device))
            wanted = salience[:, first - begin : last - begin].cpu().numpy()
            parts.append(find_candidates(wanted, most, FLOOR))
            heard[:, first:last] = np.round(255 * wanted)
            if progress is not None:
                progress(last / frames)
        candidates = Candidates(
            np.concatenate([part.pitch for part in parts]), np.concatenate([part.salience for part in parts])
        )
        return candidates, heard

    def estimate(
        self,
        audio: NDArray[np.float32],
        voices: int | None = None,
        progress: Callable[[float], None] | None = None,
        guide: Guide | None = None,
    ) -> EstimatedTracks:
        """One F0 track for each voice, the highest first, and what else was heard near each.

        Args:
            audio: ``(samples,)`` mono at 16 kHz.
            voices: how many sing, 1 to `MOST_VOICES`; decided from the recording when None.
            progress: told the share done, 0 to 1.
            guide: knows what is sung; then rows are its parts, in its order, and as many.

        Raises:
            VoicesNotFound: nobody sings for at least `LEAST` seconds.
            SettingsError: number of voices out of bounds.
        """
        if voices is not None and not 1 <= voices <= MOST_VOICES:
            raise SettingsError(f"voices: {voices} is outside of 1 to {MOST_VOICES}")
        told = progress or (lambda share: None)
        voices = voices if guide is None else guide.voices
        # A look at the voices takes about as long as the first.
        candidates, salience = self.first_look(
            audio, max(CANDIDATES, (voices or 6) + 2), lambda share: told(share / (1 + self.refine))
        )
        sung = (candidates.salience > SURE).any(axis=1).sum() * HOP / SAMPLE_RATE
        if sung < LEAST:
            raise VoicesNotFound(f"no voice found: {sung:.2f} s of singing, at least {LEAST} s are needed")
        voices = voices or number_of_voices(candidates)
        if voices <= 4:
            candidates = candidates.strongest(CANDIDATES)
        if guide is not None:
            pitch = guide.assign(candidates, salience)
        else:
            candidates, pitch = self._assigned(audio, candidates, voices)
        if self.second is not None:
            for look in range(self.refine):
                probability, middle = self.second.probability(audio, salience, pitch)
                if guide is not None:
                    probability[:, -1] -= guide.singing
                pitch = best_places(probability, middle)
                told((2 + look) / (1 + self.refine))
        if guide is None:
            pitch = cross_voices(pitch)
        tracks, alternative = (
            440.0 * 2 ** ((p - 69) / 12) for p in (pitch, find_alternatives(candidates, pitch))
        )
        return EstimatedTracks(tracks, F0Tracks(alternative))

    def _assigned(
        self, audio: NDArray[np.float32], candidates: Candidates, voices: int
    ) -> tuple[Candidates, NDArray[np.float64]]:
        """Tracks ``(voices, frames)`` in semitones, and the candidates that they were made of at last."""
        if self.assign == "heuristic":
            return candidates, mend(assign_heuristic(candidates, voices))
        pitch = mend(assign_viterbi(candidates, voices))
        for _ in range(ROUNDS):
            lowered = lower_octaves(audio, candidates, pitch)
            if lowered is candidates:
                break
            candidates, pitch = lowered, mend(assign_viterbi(lowered, voices))
        return candidates, pitch
