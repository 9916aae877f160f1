"""Reading the voices of one song: references, and each method's estimates in the order of the references."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import AudioError
from vocsep.evaluation.folders import SongStems
from vocsep.evaluation.lateness import remark_on_lag
from vocsep.evaluation.matching import EstimateFiles, Match, best_permutation, by_name
from vocsep.evaluation.seconds import in_seconds, scored_seconds
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.evaluation.spectral_snr import spectral_snr_per_second
from vocsep.media.reading import read_audio, require_sound, to_analysis
from vocsep.spectra import SAMPLE_RATE

TOLERANCE = 0.1  # s, a larger difference of lengths is worth a word

Signals = NDArray[np.float32]  # (voices, samples) at 16 kHz
Note = Callable[[str], None]


@dataclass(frozen=True)
class Estimate:
    """One method's voices of one song, in the order of the references.

    Attributes:
        matching: how they were found: ``name``, ``best`` or ``order``.
        stem_files: of the separated stems; None: there are none.
        synth_files: of the synthesised voices; None: there are none.
        stems: ``(voices, samples)``, as long as the references.
        synths: likewise.
    """

    matching: Match
    stem_files: list[Path] | None
    synth_files: list[Path] | None
    stems: Signals | None
    synths: Signals | None


def read_references(song: SongStems, note: Note) -> Signals:
    """All references of a song, padded to the longest.

    Raises:
        AudioError: a file cannot be read, is silent, or shorter than a frame.
    """
    voices = []
    for path in song.stems.values():
        voices.append(_read(path))
        require_sound(voices[-1], str(path))
    longest = max(map(len, voices))
    for path, voice in zip(song.stems.values(), voices, strict=True):
        if longest - len(voice) > TOLERANCE * SAMPLE_RATE:
            note(f"{path}: ends {_seconds(longest - len(voice))} before the longest reference of {song.name}")
    sung = np.stack([_fitted(voice, longest) for voice in voices])
    for path, scored in zip(song.stems.values(), scored_seconds(in_seconds(sung, SAMPLE_RATE)), strict=True):
        if not scored.any():  # what sounds is all in the rest at the end
            raise AudioError(f"{path}: silent in every whole second, there is nothing to compare with")
    return sung


def read_estimate(files: EstimateFiles, references: SongStems, sung: Signals, note: Note) -> Estimate:
    """One method's voices of a song, matched with the references; synthesised voices follow their stems.

    Args:
        files: of the method.
        references: files of the references.
        sung: the references, ``(voices, samples)`` at 16 kHz.
        note: told what is worth a word.

    Raises:
        AudioError: a file cannot be read.
    """
    stems = _read_all(files.stems, sung.shape[1], note)
    synths = _read_all(files.synths, sung.shape[1], note)
    order = list(range(len(sung)))
    if files.matching == "name":
        order = by_name(list(references.stems), files.voices)
    elif files.matching == "best" and stems is not None:
        order = best_permutation(sung, stems, si_sdr_per_second)
    elif files.matching == "best" and synths is not None:
        order = best_permutation(sung, synths, spectral_snr_per_second)
    names = [files.voices[index] for index in order]
    for voice, index, name in zip(sung, order, names, strict=True):
        remark = "" if stems is None else remark_on_lag(voice, stems[index])
        if remark:
            note(f"{files.stems[name]}: {remark}")
    return Estimate(
        matching=files.matching,
        stem_files=[files.stems[name] for name in names] if files.stems else None,
        synth_files=[files.synths[name] for name in names] if files.synths else None,
        stems=None if stems is None else stems[order],
        synths=None if synths is None else synths[[list(files.synths).index(name) for name in names]],
    )


def _read_all(files: dict[str, Path], samples: int, note: Note) -> Signals | None:
    voices = []
    for path in files.values():
        voice = _read(path)
        missing = samples - len(voice)
        if abs(missing) > TOLERANCE * SAMPLE_RATE:
            problem = "shorter than its references, silence is added" if missing > 0 else "longer, and is cut"
            note(f"{path}: is {_seconds(abs(missing))} {problem}")
        voices.append(_fitted(voice, samples))
    return np.stack(voices) if voices else None


def _read(path: Path) -> NDArray[np.float32]:
    return to_analysis(*read_audio(path))


def _fitted(voice: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    return np.pad(voice[:samples], (0, max(samples - len(voice), 0)))


def _seconds(samples: int) -> str:
    return f"{samples / SAMPLE_RATE:.1f} s"
