"""Recordings with known stems to measure on: as they are, in pairs and trios, and as a choir of sections.

Every folder below a data folder that has a folder ``stems/`` is one recording: the mono stems in the order of
their names are voices 1, 2, ... (highest first), of any rate and format; their sum at 16 kHz is the mixture.
The F0 of the stems is ``f0_of_stems.csv``; where that lacks, CREPE on each stem if torchcrepe is installed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import DependencyError
from vocsep.media.finding import find_audio
from vocsep.media.reading import open_audio, read_audio, to_analysis
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

Stems = NDArray[np.float32]  # (voices, samples) at 16 kHz

LEAST = (
    5.0  # s; a recording that has less than this after the start of an excerpt is heard from its beginning
)
PARTS = ((0, 3), (1, 2), (0, 1, 2), (0, 2, 3))  # of quartets: two pairs and two trios


@dataclass(frozen=True)
class Recording:
    """Something to separate, and what is known of it.

    Attributes:
        name: for tables.
        stems: ``(voices, samples)``; their sum is the mixture.
        references: F0 of the stems, ``(voices, frames)``; of sections one for each singer of a part. None
            where it is not known.
    """

    name: str
    stems: Stems
    references: tuple[F0Tracks, ...] | None

    @property
    def mixture(self) -> NDArray[np.float32]:
        return np.asarray(self.stems.sum(axis=0))

    @property
    def reference(self) -> F0Tracks | None:
        """F0 of the stems, if each is one singer's."""
        return self.references[0] if self.references is not None and len(self.references) == 1 else None


def recordings(data: Path, only: str | None, start: float, duration: float | None) -> Iterator[Recording]:
    """Recordings below ``data`` whose path contains ``only``, from ``start`` on, for ``duration`` seconds.

    Short ones, of which less than 5 s would be left, are heard from their beginning.
    """
    for stems in sorted(data.rglob("stems")):
        folder = stems.parent
        name = str(folder.relative_to(data)) if folder != data else data.resolve().name
        if stems.is_dir() and (only is None or only in name):
            begin = start if seconds_of(stems) - start >= LEAST else 0.0
            first = int(begin * SAMPLE_RATE / HOP)  # a whole frame, so that audio and F0 begin together
            loaded = load_stems(folder, first, duration)
            reference = reference_tracks(folder, loaded, first)
            yield Recording(name, loaded, None if reference is None else (reference,))


def is_quartet(recording: Recording) -> bool:
    """Whether it is one of several quartets of real singers who sing one song: ``song/singers_1``."""
    return len(recording.stems) == 4 and Path(recording.name).name.startswith("singers_")


def groups(found: list[Recording]) -> Iterator[Recording]:
    """Pairs and trios of each quartet that has real singers, and quartets of one song added up to sections.

    A folder of quartets is one song: ``song/singers_1``, ``song/singers_2``, of the same length.
    """
    songs: dict[str, list[Recording]] = {}
    for quartet in found:
        if is_quartet(quartet):
            songs.setdefault(str(Path(quartet.name).parent), []).append(quartet)
    for quartets in songs.values():
        for quartet in quartets:
            for part in PARTS:
                tracks = quartet.reference
                picked = None if tracks is None else (F0Tracks(tracks.frequencies[list(part)]),)
                voices = "+".join(str(voice + 1) for voice in part)
                yield Recording(f"{quartet.name}, voices {voices}", quartet.stems[list(part)], picked)
        for one, other in combinations(quartets, 2):
            if one.stems.shape == other.stems.shape:
                known = (one.reference, other.reference)
                both = tuple(tracks for tracks in known if tracks is not None)
                stems = one.stems + other.stems
                name = f"{one.name} + {Path(other.name).name}, two a part"
                yield Recording(name, stems, both if len(both) == 2 else None)


def seconds_of(stems: Path) -> float:
    """Length of the longest recording in a folder."""
    lengths = []
    for path in find_audio([stems]):
        with open_audio(path) as source:
            lengths.append(source.info.seconds)
    return max(lengths)


def load_stems(folder: Path, start: int, duration: float | None) -> Stems:
    """All stems as mono at 16 kHz, ``duration`` seconds from frame ``start`` on, padded to the longest."""
    stems = []
    for path in find_audio([folder / "stems"]):
        audio, rate = read_audio(path, start * HOP / SAMPLE_RATE, duration)
        stems.append(to_analysis(audio, rate))
    samples = max(map(len, stems))
    return np.stack([np.pad(stem, (0, samples - len(stem))) for stem in stems])


def reference_tracks(folder: Path, stems: Stems, start: int) -> F0Tracks | None:
    """F0 of the stems from frame ``start`` on: the folder's file, else CREPE, else None."""
    frames = frame_count(stems.shape[1])
    if (folder / "f0_of_stems.csv").is_file():
        tracks = F0Tracks.read_csv(folder / "f0_of_stems.csv", voices=len(stems))
        return tracks.slice(start, tracks.frames).fitted(frames)
    from vocsep.pitch.crepe import crepe_track

    try:
        rows = [voiced_frames(stem, *crepe_track(stem)) for stem in stems]
    except DependencyError:
        return None
    return F0Tracks(np.stack(rows)).fitted(frames)


def voiced_frames(
    stem: NDArray[np.float32], frequencies: NDArray[np.float64], periodicity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """CREPE's F0 where it is sure and the stem sounds (above -56 dB, as in f0_of_stems.csv), else NaN."""
    power = np.convolve(np.pad(stem.astype(np.float64) ** 2, HOP), np.ones(2 * HOP) / (2 * HOP), mode="valid")
    level = 10 * np.log10(power[::HOP][: len(frequencies)] + 1e-12)
    level = np.pad(level, (0, len(frequencies) - len(level)), constant_values=-120.0)
    return np.where((periodicity > 0.5) & (level > -56), frequencies, np.nan)
