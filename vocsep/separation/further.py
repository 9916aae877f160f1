"""Further files of a separation, made from what it wrote: practice mixes, notes, a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import AudioError
from vocsep.media.origin import SEPARATED
from vocsep.pitch.tracks import F0Tracks

if TYPE_CHECKING:
    from vocsep.transcription.exports import Export


@dataclass(frozen=True)
class Written:
    """What a separation has written.

    Attributes:
        stems: the files, the highest voice first; they add up to the recording.
        tracks: F0 of each voice.
        start: time in the recording at which stems and tracks begin, in s.
        bit_depth: of the stems.
        overwrite: whether files that exist may be replaced.
        sure: ``(voices, seconds)``, `vocsep.separation.results.Separation.confidence`; None where not known.
        comment: that stands in the stems.
    """

    stems: Sequence[Path]
    tracks: F0Tracks
    start: float
    bit_depth: int | str
    overwrite: bool
    sure: NDArray[np.float32] | None = None
    comment: str = SEPARATED


class FurtherFiles(Protocol):
    """Something that makes more files."""

    def targets(self, stems: Sequence[Path]) -> list[Path]:
        """The files that it will write, so that they can be refused before any work."""

    def write(self, written: Written) -> list[Path]:
        """Write them; returns their paths."""


@dataclass(frozen=True)
class NoteFile:
    """The notes of all voices in a file beside the stems.

    Attributes:
        name: of the file, its ending included.
        format: one of `vocsep.transcription.exports.FORMATS`.
    """

    name: str = "notes.mid"
    format: str = "midi"

    def targets(self, stems: Sequence[Path]) -> list[Path]:
        return self._export(stems).targets

    def write(self, written: Written) -> list[Path]:
        return self._export(written.stems).write(written.tracks, written.start)

    def _export(self, stems: Sequence[Path]) -> "Export":
        from vocsep.transcription.exports import Export, voice_names

        names = voice_names(len(stems), [stem.stem for stem in stems])
        return Export(self.format, stems[0].with_name(self.name), names)


@dataclass(frozen=True)
class PageFile:
    """A page with player, mixer and pitch picture beside the stems, `vocsep.player.page`.

    Attributes:
        title: its heading, and the name of its file.
    """

    title: str

    def targets(self, stems: Sequence[Path]) -> list[Path]:
        return [stems[0].with_name(f"{self.title}.html")]

    def write(self, written: Written) -> list[Path]:
        from vocsep.player.page import Sung, write_page

        (path,) = self.targets(written.stems)
        names = [stem.stem for stem in written.stems]
        write_page(Sung(self.title, names, written.stems, written.tracks, written.sure), path)
        return [path]


def refuse_further(further: Sequence[FurtherFiles], stems: Sequence[Path], overwrite: bool) -> None:
    """Refuse further files that are there already, before any work.

    Raises:
        AudioError: a file exists and is not to be replaced, or would replace a stem.
    """
    for one in further:
        for path in one.targets(stems):
            if path in stems:
                raise AudioError(f"{path}: is a stem; give the voices other names")
            if path.exists() and not overwrite:
                raise AudioError(f"{path}: exists already")


class KeptTracks:
    """Writes nothing, but keeps the F0 of the stems for whoever goes on with them."""

    def __init__(self) -> None:
        self.tracks = F0Tracks(np.zeros((0, 0)))

    def targets(self, stems: Sequence[Path]) -> list[Path]:
        return []

    def write(self, written: Written) -> list[Path]:
        self.tracks = written.tracks
        return []
