"""Stems in, one of them changed, and their sum: the other stems are read and never written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vocsep.editing.psola import resung
from vocsep.editing.resynthesis import resynthesised
from vocsep.editing.wishes import Wishes, wished_f0
from vocsep.errors import AudioError, F0Error, SettingsError
from vocsep.media.finding import find_audio
from vocsep.media.origin import SEPARATED
from vocsep.media.reading import open_audio, read_audio, to_analysis
from vocsep.media.writing import StemWriter
from vocsep.pitch.alternatives import surely_sung
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.earlier import MADE_OF_STEMS
from vocsep.separation.separator import Separator
from vocsep.spectra import frame_count


@dataclass(frozen=True)
class Edited:
    """What was done.

    Attributes:
        voice: its name.
        written: the edited stem, and the recording put together again.
        gain_db: common gain that kept both from clipping.
        f0, new_f0: ``(frames,)`` Hz before and after, NaN = unvoiced.
    """

    voice: str
    written: list[Path]
    gain_db: float
    f0: NDArray[np.float64]
    new_f0: NDArray[np.float64]


def stems_in(folder: Path) -> list[Path]:
    """The stems of a folder in the order of their names, without mixes and synthesised voices.

    Raises:
        AudioError: there are none.
    """
    found = [path for path in find_audio([folder]) if path.parent == folder]
    stems = [path for path in found if not path.stem.endswith(MADE_OF_STEMS)]
    if not stems:
        raise AudioError(f"{folder}: holds no stems")
    return stems


def edit_voice(
    stems: Sequence[Path],
    voice: str,
    wishes: Wishes,
    folder: Path,
    *,
    tracks: F0Tracks | None = None,
    overwrite: bool = False,
    strict: bool = False,
    device: str = "auto",
    progress: Callable[[str, float], None] | None = None,
) -> Edited:
    """Change one voice and add all up again.

    Args:
        stems: files of all voices, which add up to the recording.
        voice: name of the stem to change, or its number from 1.
        wishes: what to change.
        folder: where ``<voice>`` and ``mixture`` are written.
        tracks: F0 of every stem, found by name where they have names; estimated from the stems when None.
        overwrite: replace files that exist. strict: refuse a stem that was cut off.
        device: where F0 are estimated.
        progress: told the stage and the share of it that is done.

    Raises:
        AudioError: a stem cannot be read, stems do not fit together, or a file cannot be written.
        SettingsError: no such voice, or nothing to change.
        F0Error: another number of tracks than stems.
    """
    index = _index(stems, voice)
    if wishes.nothing:
        raise SettingsError("edit: nothing is to be changed")
    if tracks is not None and tracks.names:
        tracks = tracks.named([stem.stem for stem in stems])
    if tracks is not None and tracks.voices != len(stems):
        raise F0Error(f"the F0 tracks hold {tracks.voices} voices, there are {len(stems)} stems")
    targets = _targets(stems, index, folder, overwrite)
    told = progress or (lambda stage, share: None)
    audio, rate = _read(stems, strict)
    if tracks is None:
        needed = range(len(stems)) if wishes.retune else [index]
        tracks = _estimated(audio, rate, needed, device, told)
    tracks = tracks.fitted(frame_count(len(to_analysis(audio[index], rate))))
    told("singing", 0.0)
    own, new = tracks.frequencies[index], wished_f0(tracks, index, wishes)
    sung = audio[index].astype(np.float64)
    if wishes.resynthesise:
        changed = resynthesised(Separator(device=device), sung, rate, own, new, wishes.formants)
    else:
        changed = resung(sung, rate, own, new, wishes.formants)
    changed = changed.astype(np.float32)
    others = np.delete(audio, index, axis=0).sum(axis=0)
    with open_audio(stems[index]) as source:
        info = source.info
    writer = StemWriter(
        targets, rate, audio.shape[2], stems[index].suffix.lstrip("."), info.bit_depth, overwrite, SEPARATED
    )
    with writer:
        writer.write([changed, others + changed])
    return Edited(stems[index].stem, targets, writer.gain_db, own, new)


def _index(stems: Sequence[Path], voice: str) -> int:
    names = [stem.stem for stem in stems]
    if voice in names:
        return names.index(voice)
    if voice.isdecimal() and 1 <= int(voice) <= len(stems):
        return int(voice) - 1
    raise SettingsError(f"voice: {voice!r} is not one of {', '.join(names)}, or 1 to {len(stems)}")


def _targets(stems: Sequence[Path], index: int, folder: Path, overwrite: bool) -> list[Path]:
    """The files to write; none of them may be a stem, or be there unasked."""
    targets = [folder / stems[index].name, folder / f"mixture{stems[index].suffix}"]
    if any(target.resolve() == stem.resolve() for target in targets for stem in stems):
        raise AudioError(f"{targets[0]}: is the stem itself; choose another folder")
    for target in targets:
        if target.exists() and not overwrite:
            raise AudioError(f"{target}: exists already")
    return targets


def _read(stems: Sequence[Path], strict: bool) -> tuple[NDArray[np.float32], int]:
    """All stems ``(voices, samples, channels)``, and their rate in Hz."""
    read = [read_audio(stem, strict=strict) for stem in stems]
    shapes = {(audio.shape, rate) for audio, rate in read}
    if len(shapes) > 1:
        raise AudioError(f"{stems[0].parent}: the stems have different lengths, rates or channels")
    return np.stack([audio for audio, _ in read]), read[0][1]


def _estimated(
    audio: NDArray[np.float32],
    rate: int,
    needed: Sequence[int] | range,
    device: str,
    told: Callable[[str, float], None],
) -> F0Tracks:
    """F0 of the stems that are needed, each by itself; the others unvoiced."""
    estimator = PitchEstimator(device=device)
    rows = np.full((len(audio), frame_count(len(to_analysis(audio[0], rate)))), np.nan)
    for done, index in enumerate(needed):
        told("pitch", done / len(needed))
        found = estimator.estimate(to_analysis(audio[index], rate), 1)
        rows[index] = surely_sung(found).frequencies[0]
    return F0Tracks(rows)
