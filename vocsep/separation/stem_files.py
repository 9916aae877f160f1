"""Which files a separation writes, and writing them chunk by chunk."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import AudioError, SettingsError
from vocsep.media.origin import separated_from
from vocsep.media.reading import AudioInfo, BitDepth
from vocsep.media.writing import Format, StemWriter, default_format
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.chunk_stems import OverlapAdd, ReadBlock, SeparatedChunk
from vocsep.separation.earlier import EarlierStems
from vocsep.separation.further import FurtherFiles, NoteFile, PageFile, Written, refuse_further
from vocsep.separation.practice import PracticeMixes
from vocsep.separation.settings import OutputSettings
from vocsep.spectra import SAMPLE_RATE


@dataclass(frozen=True)
class StemFiles:
    """Targets of one recording: a stem a voice, on request what is left without it and its synthesis."""

    info: AudioInfo
    format: Format
    bit_depth: BitDepth
    overwrite: bool
    stems: list[Path]
    minus: list[Path]
    synths: list[Path]
    further: Sequence[FurtherFiles] = ()

    @property
    def _comment(self) -> str:
        return separated_from(self.info.path, self.info.samples)

    def write(self, chunks: Iterable[SeparatedChunk], read: ReadBlock, seed: int) -> float:
        """Write all files; none is there before all of its kind are complete.

        Args:
            chunks: of the recording, in order.
            read: gives samples of the original.
            seed: of the noise of synthesised voices.

        Returns:
            The common gain in dB that kept integer stems from clipping, 0 if there was no need.

        Raises:
            AudioError: a target exists or cannot be written.
        """
        rate = self.info.sample_rate
        comment = self._comment
        overlap, synth_overlap = OverlapAdd(rate), OverlapAdd(SAMPLE_RATE)
        with ExitStack() as stack:
            synths = None
            if self.synths:
                synths = stack.enter_context(
                    StemWriter(self.synths, SAMPLE_RATE, 1, "wav", self.bit_depth, self.overwrite, comment)
                )
            stems = stack.enter_context(
                StemWriter(
                    self.stems + self.minus,
                    rate,
                    self.info.channels,
                    self.format,
                    self.bit_depth,
                    self.overwrite,
                    comment,
                )
            )
            for separated in chunks:
                complete = overlap.join(separated.stems, separated.chunk)
                blocks = list(complete)
                if self.minus:
                    mixture = read(separated.chunk.first * rate, complete.shape[1])
                    blocks += [mixture - stem for stem in complete]
                stems.write(blocks)
                sung = separated.synthesised(seed) if synths is not None else None
                if synths is not None and sung is not None:
                    synths.write(list(synth_overlap.join(sung[:, :, None], separated.chunk)))
        return stems.gain_db

    def write_further(
        self, tracks: F0Tracks, start: float, sure: NDArray[np.float32] | None = None
    ) -> tuple[list[Path], list[Path], str]:
        """Write what is made of the stems, once these are there; what earlier runs left goes.

        Args:
            tracks: F0 of each voice.
            start: time in the recording at which stems and tracks begin, in s.
            sure: ``(voices, seconds)``, as in `Written`.

        Returns:
            All files besides the stems; the stems of earlier runs that were removed, if replacing is allowed;
            and what to say of those that stayed, if any did.
        """
        depth, comment = self.bit_depth, self._comment
        written = Written(self.stems, tracks, start, depth, self.overwrite, sure, comment)
        paths = [*self.minus, *self.synths, *(path for one in self.further for path in one.write(written))]
        earlier = EarlierStems(comment, self.stems, self.info.path)
        if self.overwrite:
            return paths, earlier.remove(), ""
        stay = ", ".join(path.name for path in earlier.found())
        return paths, [], f"stems of an earlier run lie there, too: {stay}; -y removes them" if stay else ""


def further_files(output: OutputSettings, recording: Path) -> list[FurtherFiles]:
    """What else is to be made of the stems of a recording.

    Raises:
        DependencyError: a package that it needs is not installed.
    """
    wanted: list[FurtherFiles] = []
    if output.practice:
        wanted.append(PracticeMixes(minus=not output.minus_one))
    if output.notes:
        from vocsep.transcription.midi import require_mido

        require_mido(Path(NoteFile().name))
        wanted.append(NoteFile())
    if output.page:
        wanted.append(PageFile(recording.stem))
    return wanted


def plan_files(
    info: AudioInfo,
    folder: Path,
    voices: int,
    output: OutputSettings,
    further: Sequence[FurtherFiles] = (),
) -> StemFiles:
    """Name the files of a separation and refuse at once what cannot be written.

    Args:
        info: the recording.
        folder: where the files go.
        voices: how many.
        output: what is written.
        further: what is made of the stems.

    Raises:
        AudioError: a file exists and is not to be replaced.
        SettingsError: another number of names than voices, or an unknown format or depth.
    """
    names = output.names
    called = list(names) if names is not None else [f"voice_{voice}" for voice in range(1, voices + 1)]
    if len(called) != voices:
        raise SettingsError(f"names: {len(called)} names for {voices} voices")
    format, depth = default_format(info, output.format, output.bit_depth)
    files = StemFiles(
        info=info,
        format=format,
        bit_depth=depth,
        overwrite=output.overwrite,
        stems=[folder / f"{name}.{format}" for name in called],
        minus=[folder / f"{name}_minus.{format}" for name in called] if output.minus_one else [],
        synths=[folder / f"{name}_synth.wav" for name in called] if output.synth else [],
        further=further,
    )
    for path in files.stems + files.minus + files.synths:
        if path.exists() and not output.overwrite:
            raise AudioError(f"{path}: exists already")
    refuse_further(further, files.stems, output.overwrite)
    return files
