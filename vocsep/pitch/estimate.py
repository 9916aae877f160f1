"""From a recording to one F0 track for each voice."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.errors import SettingsError, VoicesNotFound
from vocsep.memory import worked_in_spans
from vocsep.model import load_model, pick_device, shipped_model
from vocsep.pitch.alternatives import EstimatedTracks, find_alternatives
from vocsep.pitch.candidates import CANDIDATES, FLOOR, Candidates, find_candidates
from vocsep.pitch.close_parts import close_parts
from vocsep.pitch.crossings import cross_voices
from vocsep.pitch.gaps import mend
from vocsep.pitch.ghosts import without_ghosts
from vocsep.pitch.guide import Guide
from vocsep.pitch.harmonic_stack import BINS
from vocsep.pitch.held_notes import with_held_notes
from vocsep.pitch.heuristic import assign_heuristic
from vocsep.pitch.how_many import doubts, number_of_voices
from vocsep.pitch.identity import identified
from vocsep.pitch.note_ends import DEAR, with_note_ends
from vocsep.pitch.octaves import lower_octaves
from vocsep.pitch.refinement import F0Refinement, best_places, kept_beyond
from vocsep.pitch.salience import SalienceNetwork, restore_network
from vocsep.pitch.sections import estimate_sections, is_long
from vocsep.pitch.settings import MOST_VOICES, Assignment, PitchSettings
from vocsep.pitch.tracks import F0Tracks, order_of_height
from vocsep.pitch.viterbi import ViterbiCosts, assign_viterbi
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count, pieces

Array = NDArray[np.float64]
Audio = NDArray[np.float32]

SURE = 0.8  # salience above which a candidate is surely sung
CHUNK = 1875  # frames, 30 s, of a pass through the network, or up to half more
CONTEXT = 312  # frames, 5 s, heard on either side of a chunk: the loudness that it is measured by
ROUNDS = 2  # in which octaves and ghosts, which nobody sings, are looked for
LEAST = 0.1  # s of singing under which nobody sings
# Of three and more voices who are told by more than height, beats say later who is in unison (`identified`):
# here no two share a pitch, and each is kept less strictly in its range, since lines go on from note to note.
OF_MANY = ViterbiCosts(outside=0.1, unison=None)


class PitchEstimator:
    """Multi-F0 estimation and assignment for whole recordings.

    Args:
        model: weights of the salience network; the shipped ones by default.
        refiner: weights of the F0 refinement; the shipped ones by default.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        assign: ``notes`` (default): as ``viterbi``, of three and more voices without unisons, then tracks are
            exchanged where their singers were, and voices join each other rather than fall silent; of two,
            ghosts are dropped, and who sings what is told by levels and continuity;
            ``viterbi``: the best path over configurations in order of height; ``heuristic``: the paper's.
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
        assign: str = PitchSettings.assign,
        refine: int = PitchSettings.refine,
    ) -> None:
        if refine < 0:
            raise SettingsError(f"refine: {refine} looks, at least 0 are possible")
        if assign not in get_args(Assignment):
            raise SettingsError(f"assign: {assign!r} is not one of {', '.join(get_args(Assignment))}")
        stored = load_model(model or shipped_model("pitch"), "pitch")
        self.device = pick_device(device)
        self.network: SalienceNetwork = restore_network(stored).to(self.device)
        self.assign, self.refine = assign, refine
        self.second = F0Refinement(refiner, device=self.device) if refine else None

    def first_look(
        self, audio: Audio, most: int, progress: Callable[[float], None] | None = None
    ) -> tuple[Candidates, NDArray[np.uint8]]:
        """Salience and its peaks in every frame, in chunks of about 30 s.

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

        def look(span: tuple[int, int]) -> tuple[int, int, Audio]:
            (first, last), begin = span, max(span[0] - CONTEXT, 0)
            piece = torch.from_numpy(np.ascontiguousarray(audio[begin * HOP : (last + CONTEXT) * HOP]))
            found = self.network.salience(piece.to(self.device), slice(first - begin, last - begin))
            return first, last, found.cpu().numpy()

        for first, last, wanted in worked_in_spans(pieces(frames, CHUNK), look, CONTEXT, self.device):
            parts.append(find_candidates(wanted, most, FLOOR))
            heard[:, first:last] = np.round(255 * wanted)
            if progress is not None:
                progress(last / frames)
        rows = ([getattr(part, name) for part in parts] for name in ("pitch", "salience"))
        return Candidates(*map(np.concatenate, rows)), heard

    def estimate(
        self,
        audio: Audio,
        voices: int | None = None,
        progress: Callable[[float], None] | None = None,
        guide: Guide | None = None,
    ) -> EstimatedTracks:
        """One F0 track for each voice, the highest median first, and what else was heard near each.

        Args:
            audio: ``(samples,)`` mono at 16 kHz.
            voices: how many sing, 1 to `MOST_VOICES`; decided from the recording when None.
            progress: told the share done, 0 to 1.
            guide: knows what is sung; then rows are its parts, in its order, and as many.

        Raises:
            VoicesNotFound: nobody sings for at least `LEAST` seconds.
            SettingsError: number of voices out of bounds.
        """
        voices = voices if guide is None else guide.voices
        if voices is not None and not 1 <= voices <= MOST_VOICES:
            raise SettingsError(
                f"voices: {voices} is outside of 1 to {MOST_VOICES}: hardly a partial of more lies apart"
            )
        told = progress or (lambda share: None)
        if guide is None and is_long(len(audio)):
            return estimate_sections(self, audio, voices, told)
        return self.estimate_whole(audio, voices, told, guide)

    def estimate_whole(
        self,
        audio: Audio,
        voices: int | None,
        told: Callable[[float], None],
        guide: Guide | None = None,
    ) -> EstimatedTracks:
        """`estimate` of a recording that is not too long to be looked at as a whole."""
        # A look at the voices takes about as long as the first.
        candidates, salience = self.first_look(
            audio, max(CANDIDATES, (voices or 6) + 2), lambda share: told(share / (1 + self.refine))
        )
        sung = (candidates.salience > SURE).any(axis=1).sum() * HOP / SAMPLE_RATE
        if sung < LEAST:
            raise VoicesNotFound(f"no voice found: {sung:.2f} s of singing, at least {LEAST} s are needed")
        heard = number_of_voices(candidates)
        remarks = doubts(audio, candidates, voices, heard)
        voices = voices or heard
        if voices <= 4:
            candidates = candidates.strongest(CANDIDATES)
        if guide is None:
            candidates, pitch = self._assigned(audio, candidates, voices)
        else:
            unguided = partial(self._unguided, audio, candidates, salience, voices)
            pitch = guide.assign(candidates, salience, unguided)
        eager = pitch
        for look in range(self.refine):
            pitch, eager = self._looked_again(audio, salience, pitch, guide)
            told((2 + look) / (1 + self.refine))
        refined, pitch = pitch, with_held_notes(audio, pitch)
        if guide is not None:
            pitch = ends = close_parts(audio, pitch, guide.written)
        else:
            pitch = self._named(audio, salience, pitch)
            order = order_of_height(pitch)  # voice 1 has the highest median
            pitch, ends = pitch[order], with_note_ends(pitch, refined, eager)[order]
        found = (pitch, find_alternatives(candidates, pitch), ends)
        sure, alternative, tracks = (F0Tracks(440.0 * 2 ** ((p - 69) / 12)) for p in found)
        return EstimatedTracks(tracks.frequencies, alternative, tuple(remarks), sure)

    def _named(self, audio: Audio, salience: NDArray[np.uint8], pitch: Array) -> Array:
        """Tracks ``(voices, frames)`` in semitones of voices, from tracks in order of height."""
        named = self.assign == "notes" and len(pitch) > 1
        return identified(audio, salience, pitch) if named else cross_voices(pitch)

    def _unguided(
        self, audio: Audio, candidates: Candidates, salience: NDArray[np.uint8], voices: int
    ) -> Array:
        """What voices seem to sing, the one with the highest median first, before they are refined."""
        pitch = self._named(audio, salience, self._assigned(audio, candidates, voices)[1])
        return pitch[order_of_height(pitch)]

    def _assigned(self, audio: Audio, candidates: Candidates, voices: int) -> tuple[Candidates, Array]:
        """Tracks ``(voices, frames)`` in semitones, and the candidates that they were made of at last."""
        if self.assign == "heuristic":
            return candidates, mend(assign_heuristic(candidates, voices))
        named = self.assign == "notes"
        costs = OF_MANY if named and voices > 2 else None
        pitch = mend(assign_viterbi(candidates, voices, costs))
        for _ in range(ROUNDS):
            lowered = lower_octaves(audio, candidates, pitch)
            if lowered is candidates:
                break
            candidates, pitch = lowered, mend(assign_viterbi(lowered, voices, costs))
        # Of three and more voices hardly a ghost was found, and to look for them takes as long as to assign.
        for _ in range(ROUNDS if named and voices == 2 else 0):
            sung = without_ghosts(audio, candidates, pitch)
            if sung is candidates:
                break
            candidates, pitch = sung, mend(assign_viterbi(sung, voices))
        return candidates, pitch

    def _looked_again(
        self,
        audio: Audio,
        salience: NDArray[np.uint8],
        pitch: Array,
        guide: Guide | None,
    ) -> tuple[Array, Array]:
        """Tracks ``(voices, frames)`` in semitones, refined once, and the same with dear silence; a guide
        knows where a voice sings."""
        if self.second is None:
            return pitch, pitch
        probability, middle = self.second.probability(audio, salience, pitch)
        if guide is not None:
            probability[:, -1] -= guide.singing
        # Both at once: what a frame of the path costs hardly grows with the number of voices.
        eager = probability.copy()
        eager[:, -1] -= DEAR
        places = best_places(np.concatenate((probability, eager)), np.concatenate((middle, middle)))
        refined, eager = (kept_beyond(pitch, half) for half in np.split(places, 2))
        return refined, eager
