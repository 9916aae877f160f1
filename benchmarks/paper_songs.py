"""What the experiment of paper.py hears: songs sung to learn from, real recordings to be judged by."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.mixtures import Recording, Stems, is_quartet, recordings
from vocsep.media.finding import find_audio
from vocsep.media.reading import read_audio
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.quartet import sing_score
from vocsep.singers.score import random_score
from vocsep.spectra import SAMPLE_RATE

REAL = "real"  # folder of other recordings of real singers
OTHERS = "choralsynth"  # in the name of what only --choralsynth tests


@dataclass(frozen=True)
class Test:
    """A mixture to be separated, as it lies in the work folder.

    Attributes:
        name: for people.
        group: the table that it belongs to, as ``J = 4``.
        folder: holds ``stems/voice_1.wav`` and so on; its F0 go there too.
    """

    name: str
    group: str
    folder: Path

    @property
    def stem_folder(self) -> Path:
        return self.folder / "stems"

    def stems(self) -> Stems:
        """The true stems, ``(voices, samples)`` at 16 kHz."""
        return np.stack([read_audio(path)[0][:, 0] for path in find_audio([self.stem_folder])])

    @property
    def f0_path(self) -> Path:
        return self.folder / "f0.csv"

    def tracks(self) -> F0Tracks:
        """F0 estimated from the mixture, the same for all methods."""
        return F0Tracks.read_csv(self.f0_path)


def tests_of(
    data: Path, work: Path, duration: float | None, choralsynth: bool, most_pairs: int | None
) -> list[Test]:
    """Write the stems of all tests into the work folder: real quartets, their pairs, and other recordings.

    The paper's mixtures of two (section IV-A) are all six pairs of the voices of each quartet.
    """
    found = [r for r in recordings(data, None, 0.0, duration) if len(r.stems) >= 2]
    quartets = [r for r in found if is_quartet(r)]
    tests = [(r, "J = 4") for r in quartets]
    tests += [(r, "J = 2") for quartet in quartets for r in list(_pairs(quartet))[:most_pairs]]
    tests += [(r, "Other real singers") for r in found if REAL in Path(r.name).parts]
    if choralsynth:
        tests += [(r, "ChoralSynth") for r in found if OTHERS in r.name]
    return [_written(recording, group, work / "tests") for recording, group in tests]


def _pairs(quartet: Recording) -> Iterator[Recording]:
    for pair in combinations(range(len(quartet.stems)), 2):
        name = f"{quartet.name}, voices {'+'.join(str(voice + 1) for voice in pair)}"
        yield Recording(name, quartet.stems[list(pair)], None)


def _written(recording: Recording, group: str, folder: Path) -> Test:
    test = Test(recording.name, group, folder / "".join(c if c.isalnum() else "_" for c in recording.name))
    if not test.stem_folder.is_dir():
        write_stems(test.stem_folder, recording.stems)
    return test


def write_stems(folder: Path, stems: Stems) -> None:
    """Write ``voice_1.wav`` ... as 32-bit floats; the folder appears when all are there."""
    staged = folder.with_name(f".{folder.name}")
    staged.mkdir(parents=True, exist_ok=True)
    for voice, stem in enumerate(stems):
        soundfile.write(staged / f"voice_{voice + 1}.wav", stem, SAMPLE_RATE, subtype="FLOAT")
    staged.rename(folder)


def sing_song(folder: Path, seconds: float, seed: int) -> None:
    """One quartet of its own singers in a room of its own sings a score of its own, unless it did before."""
    if (folder / "stems").is_dir():
        return
    rng = np.random.default_rng((seed, 2022))
    song = sing_score(random_score(rng, seconds), rng)
    peak = np.abs(song.mixture).max()
    write_stems(folder / "stems", 0.9 / peak * song.stems)
