"""One song of a folder made ready: 16 kHz copies of mixture and stems, F0, and which stem is which voice.

The F0 is that of the mixture, as it is when a recording is separated and as in the paper (section IV-B),
also where stems are at hand: the network learns to live with its errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from vocsep.errors import AudioError, VoicesNotFound
from vocsep.fit.analysis_cache import AnalysisCache, Audio
from vocsep.fit.parts import names_of_rows, rows_by_name, rows_by_pitch
from vocsep.fit.settings import QUARTET
from vocsep.fit.songs import Kind, Song
from vocsep.fit.stem_levels import gains_in_mixture, length_that_fits
from vocsep.pitch.settings import MOST_VOICES
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count
from vocsep.training.excerpts import Track, usable_starts

SAME_LEVEL = 0.01  # of 1, a gain of a stem that is left alone

ToldBy = Literal["names", "order", "pitch"]
Told = Callable[[float], None]  # the share of the work that is done, 0 to 1


@dataclass(frozen=True)
class Taken:
    """What a recording was taken for.

    Attributes:
        name: the mixture's file, or the folder of the song.
        kind: ``mixture``, ``song`` (with stems of all or some voices) or ``voice alone``.
        voices: how many sing.
        stems: voice -> the file of its stem.
        told_by: what told which stem is which voice: file names, the order of all stems, or their pitch;
            None where no stem is used.
    """

    name: str
    kind: Kind
    voices: int
    stems: dict[int, str] = field(default_factory=dict)
    told_by: ToldBy | None = None


@dataclass(frozen=True)
class _Stem:
    """A stem as it lies in the cache."""

    path: Path
    audio: Audio
    name: str


class SongReader:
    """Reads one song after the other.

    Args:
        cache: of what was read before.
        voices: in every mixture; None = decided for each from what is heard.
        frames: of an excerpt.
        names: of the voices, the highest first; None: soprano, alto, tenor, bass are known.
        stems: False to use mixtures alone.

    Attributes:
        passed_over: one line for each stem that could not be used.
    """

    def __init__(
        self,
        cache: AnalysisCache,
        voices: int | None,
        frames: int,
        names: Sequence[str] | None = None,
        stems: bool = True,
    ) -> None:
        self.cache, self.voices, self.frames, self.stems = cache, voices, frames, stems
        self.names = QUARTET if names is None else tuple(names)
        self.passed_over: list[str] = []

    def read(self, song: Song, tell: Told) -> tuple[Track, Taken]:
        """A song with its F0 and its stems; ``tell`` hears the share of it that is done.

        Raises:
            AudioError: it cannot be used.
            VoicesNotFound: nobody sings.
        """
        mixture, name, stems = self._parts(song)
        self._long_enough(song.path, mixture)
        voices = len(stems) if song.mixture is None else self.voices
        tracks = self.cache.tracks(mixture, name, voices, tell)
        if tracks.voices < len(stems):  # more stems than were heard, or than were asked for
            tracks = self.cache.tracks(mixture, name, len(stems), tell)
        track = Track(song.name, mixture, tracks.fitted(frame_count(len(mixture))).as_input().numpy())
        if not usable_starts(track, self.frames).any():
            length = self.frames * HOP / SAMPLE_RATE
            raise AudioError(f"{song.path}: has no {length:.1f} s in which somebody sings")
        if not (stems and self.stems):
            return track, Taken(song.name, "mixture", tracks.voices)
        return self._with_stems(track, song, tracks, stems)

    def _parts(self, song: Song) -> tuple[Audio, str, list[_Stem]]:
        """Mixture, what the cache calls it, and the stems that can be used, at its level."""
        if song.mixture is not None:
            name = self.cache.name(song.mixture)
            mixture = self.cache.audio(song.mixture, name)
            return mixture, name, self._levelled(self._stems(song), mixture) if self.stems else []
        stems = self._stems(song)
        if not stems:
            raise AudioError(f"{song.path}: none of its stems can be used")
        if len(stems) == 1:
            return stems[0].audio, stems[0].name, stems
        longest = max(len(stem.audio) for stem in stems)
        for stem in stems:
            why = length_that_fits(len(stem.audio), longest)
            if why:
                raise AudioError(f"{stem.path}: {why}: rename the folder if these are no stems of one song")
        mixture, name = self.cache.mixed([stem.audio for stem in stems], [stem.name for stem in stems])
        return mixture, name, stems

    def _stems(self, song: Song) -> list[_Stem]:
        if len(song.stems) > MOST_VOICES:
            number = f"{len(song.stems)} stems, {MOST_VOICES} are possible"
            raise AudioError(
                f"{song.path}: has {number}: rename the folder if these are no stems of one song"
            )
        stems = []
        for path in song.stems:
            try:
                name = self.cache.name(path)
                stems.append(_Stem(path, self.cache.audio(path, name), name))
            except AudioError as error:
                self.passed_over.append(str(error))
        return stems

    def _levelled(self, stems: list[_Stem], mixture: Audio) -> list[_Stem]:
        """The stems that are in a mixture, as loud as they are there."""
        kept = []
        for stem in stems:
            why = length_that_fits(len(stem.audio), len(mixture))
            if why is None:
                kept.append(stem)
            else:
                self.passed_over.append(f"{stem.path}: {why}")
        levelled = []
        for stem, gain in zip(kept, gains_in_mixture(mixture, [s.audio for s in kept]), strict=True):
            if not gain:
                self.passed_over.append(f"{stem.path}: is not in its mixture, or does not begin with it")
            elif abs(gain - 1) < SAME_LEVEL:
                levelled.append(stem)
            else:
                audio = self.cache.scaled(stem.audio, stem.name, gain)
                levelled.append(_Stem(stem.path, audio, stem.name))
        return levelled

    def _long_enough(self, path: Path, audio: Audio) -> None:
        if len(audio) < self.frames * HOP:
            length, needed = len(audio) / SAMPLE_RATE, self.frames * HOP / SAMPLE_RATE
            raise AudioError(f"{path}: is {length:.1f} s long, an excerpt needs {needed:.1f} s")

    def _with_stems(
        self, track: Track, song: Song, tracks: F0Tracks, stems: list[_Stem]
    ) -> tuple[Track, Taken]:
        called = [stem.path.name for stem in stems]
        rows = rows_by_name(called, tracks.voices, self.names)
        told_by: ToldBy = "names"
        if rows is None and len(stems) == tracks.voices:
            rows, told_by = list(range(len(stems))), "order"
        elif rows is None:
            rows, told_by = rows_by_pitch(self._sung(stems), tracks), "pitch"
        sources: list[Audio | None] = [None] * tracks.voices
        for row, stem in zip(rows, stems, strict=True):
            sources[row] = stem.audio
        names = names_of_rows(called, rows, tracks.voices, self.names)
        files = {row + 1: name for row, name in sorted(zip(rows, called, strict=True))}
        found = Track(track.name, track.audio, track.f0, tuple(sources), names)
        return found, Taken(song.name, song.kind, tracks.voices, files, told_by)

    def _sung(self, stems: list[_Stem]) -> F0Tracks:
        """F0 of each stem by itself, ``(stems, frames)``; silent where nothing is found."""
        frames = max(frame_count(len(stem.audio)) for stem in stems)
        rows = []
        for stem in stems:
            try:
                found = self.cache.tracks(stem.audio, stem.name, 1, lambda share: None)
                rows.append(found.fitted(frames).frequencies[0])
            except VoicesNotFound:
                rows.append(np.full(frames, np.nan))
        return F0Tracks(np.stack(rows))
