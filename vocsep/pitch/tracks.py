"""F0 tracks: one row of frequencies for each voice on the frame grid, and their files.

Conventions: row 0 is voice 1, of estimated tracks the one with the highest median; tracks that are given may
lie in any order and may have names. Frame ``n`` stands at ``n * HOP / SAMPLE_RATE`` seconds;
unvoiced is NaN here, an empty cell in CSV and 0 at a network's input.
"""

import importlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import F0Error
from vocsep.media.staging import written_beside
from vocsep.pitch.f0_files import read_f0_file
from vocsep.pitch.f0_table import columns_of, csv_line, resample_f0
from vocsep.pitch.intonation import VoiceStatistics, cents_apart, note_name, statistics_of_voice
from vocsep.spectra import HOP, SAMPLE_RATE, frame_times

if TYPE_CHECKING:
    import torch

__all__ = ["F0Tracks", "VoiceStatistics", "cents_apart", "note_name", "resample_f0"]


@dataclass(frozen=True, eq=False)
class F0Tracks:
    """F0 of every voice.

    Args:
        frequencies: ``(voices, frames)`` in Hz; NaN (or 0, which becomes NaN) where the voice is silent.
        names: of the voices, row by row; empty where they have none.

    Raises:
        F0Error: not two-dimensional, an infinite or negative frequency, or another number of names.

    >>> tracks = F0Tracks([[440.0, 0.0, 442.0], [220.0, 220.0, 220.0]])
    >>> tracks.voices, tracks.frames, tracks.voiced.tolist()[0]
    (2, 3, [True, False, True])
    """

    frequencies: NDArray[np.float64]
    names: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        array = np.array(self.frequencies, dtype=np.float64)
        if array.ndim != 2:
            raise F0Error(f"F0 tracks have shape {array.shape}, expected (voices, frames)")
        if np.isinf(array).any() or (array < 0).any():
            raise F0Error("F0 tracks hold an infinite or negative frequency")
        if self.names and len(self.names) != len(array):
            raise F0Error(f"F0 tracks have {len(self.names)} names for {len(array)} voices")
        array[array == 0] = np.nan
        array.setflags(write=False)
        object.__setattr__(self, "frequencies", array)
        object.__setattr__(self, "names", tuple(self.names))

    def __repr__(self) -> str:
        names = f", {', '.join(self.names)}" if self.names else ""
        return f"F0Tracks({self.voices} voices, {self.seconds:.1f} s{names})"

    @property
    def voices(self) -> int:
        return int(self.frequencies.shape[0])

    @property
    def frames(self) -> int:
        return int(self.frequencies.shape[1])

    @property
    def times(self) -> NDArray[np.float64]:
        """Centres of the frames, ``(frames,)`` in seconds."""
        return frame_times(self.frames)

    @property
    def seconds(self) -> float:
        """Time of the last frame in seconds."""
        return max(self.frames - 1, 0) * HOP / SAMPLE_RATE

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """``(voices, frames)``, true where the voice sings a pitch."""
        return np.isfinite(self.frequencies)

    def as_input(self) -> "torch.Tensor":
        """``(voices, frames)`` float32 in Hz with 0 for unvoiced, as networks and sources take it."""
        import torch

        return torch.from_numpy(np.nan_to_num(self.frequencies, nan=0.0).astype(np.float32))

    def fitted(self, frames: int) -> "F0Tracks":
        """The same tracks cut, or continued unvoiced, to ``frames`` frames."""
        missing = max(frames - self.frames, 0)
        kept = np.pad(self.frequencies[:, :frames], ((0, 0), (0, missing)), constant_values=np.nan)
        return F0Tracks(kept, names=self.names)

    def slice(self, start: int, stop: int) -> "F0Tracks":
        """Frames ``start`` to ``stop`` (excluded)."""
        return F0Tracks(self.frequencies[:, start:stop], names=self.names)

    def from_time(self, start: float) -> "F0Tracks":
        """The tracks of a recording that is cut at ``start`` seconds: frame 0 stands at that time."""
        if start <= 0 or self.seconds <= start:
            return self if start <= 0 else self.fitted(0)
        rows = [resample_f0(self.times - start, row) for row in self.frequencies]
        return F0Tracks(np.stack(rows), names=self.names)

    def sorted_from_highest(self) -> "F0Tracks":
        """Voices reordered by their median frequency, highest first; never voiced ones last."""
        return self._rows(order_of_height(self.frequencies))

    def named(self, names: Sequence[str]) -> "F0Tracks":
        """The voices in the order of ``names``: found by their names, or where tracks have none, by place.

        Raises:
            F0Error: the names are not those of the tracks; the line lists these.

        >>> F0Tracks([[220.0], [440.0]], names=("bass", "soprano")).named(["soprano", "bass"]).frequencies
        array([[440.],
               [220.]])
        """
        if not self.names:
            return F0Tracks(self.frequencies, names=tuple(names))
        return self._rows(columns_of(names, self.names))

    def _rows(self, order: Sequence[int]) -> "F0Tracks":
        names = tuple(self.names[row] for row in order if self.names)
        return F0Tracks(self.frequencies[list(order)], names=names)

    def voice_statistics(self) -> list[VoiceStatistics]:
        """Range, median, share of voiced frames and intonation of each voice."""
        return [statistics_of_voice(voice, row) for voice, row in enumerate(self.frequencies, start=1)]

    def write_csv(self, path: str | Path, start: float = 0.0) -> None:
        """Write ``time,voice_1,...``, or the names: seconds and Hz with three decimals, an empty cell where
        unvoiced.

        Args:
            path: target.
            start: time of the first frame in s, on the clock of the recording.
        """
        called = self.names or [f"voice_{voice}" for voice in range(1, self.voices + 1)]
        header = csv_line(["time", *called])
        _write_text(
            Path(path), "\n".join([header, *(",".join(cells) for cells in self._cells(start))]) + "\n"
        )

    def write_mirex(self, path: str | Path, start: float = 0.0) -> None:
        """Write the MIREX multi-F0 format: time and the frequencies of that frame, separated by tabs."""
        lines = ("\t".join(cell for cell in cells if cell) for cells in self._cells(start))
        _write_text(Path(path), "\n".join(lines) + "\n")

    def write_json(self, path: str | Path, start: float = 0.0) -> None:
        """Write `to_json`.

        Args:
            path: target.
            start: time of the first frame in s, on the clock of the recording.
        """
        _write_text(Path(path), self.to_json(start))

    def to_json(self, start: float = 0.0) -> str:
        """``{"start", "hop_seconds", "voices": [{"voice", "frequencies"}]}``, null = unvoiced; a voice
        that has a name has it as ``"name"``.
        """
        rows = [[round(f, 3) if math.isfinite(f) else None for f in row] for row in self.frequencies.tolist()]
        voices = [
            {"voice": voice, **({"name": self.names[voice - 1]} if self.names else {}), "frequencies": row}
            for voice, row in enumerate(rows, start=1)
        ]
        return json.dumps({"start": start, "hop_seconds": HOP / SAMPLE_RATE, "voices": voices}) + "\n"

    def plot(self, axes: Any = None) -> Any:
        """Draw the tracks with matplotlib, as ``vocsep f0 --plot`` does.

        Args:
            axes: to draw into; None for those of a new figure.

        Returns:
            The axes.

        Raises:
            DependencyError: matplotlib is not installed.
        """
        # Pictures know of tracks and not the other way round, so they are looked up by name when asked for.
        return importlib.import_module("vocsep.pictures.plot").plot_tracks(self, axes)

    def _cells(self, start: float) -> list[list[str]]:
        columns = [[f"{f:.3f}" if math.isfinite(f) else "" for f in row] for row in self.frequencies.tolist()]
        return [
            list(cells)
            for cells in zip((f"{start + time:.3f}" for time in self.times), *columns, strict=True)
        ]

    @staticmethod
    def read_csv(
        path: str | Path, voices: int | None = None, names: Sequence[str] | None = None
    ) -> "F0Tracks":
        """Read an F0 file (`vocsep.pitch.f0_files`) on any time grid onto ours; rows are as its columns.

        The header names the voices; voice_1, voice_2, ... in their order are no names. Between voiced
        neighbours the logarithm of frequency is linear; beside an unvoiced one the nearest neighbour decides;
        a hole in the times is unvoiced. Empty, ``nan`` and what is below 20 Hz mean unvoiced.

        Args:
            path: the file.
            voices: refuse another number of voices than this.
            names: rows in the order of these instead, as in `named`.

        Raises:
            F0Error: one line that names the file, and the line and value where there is one.
        """
        path = Path(path)
        table = read_f0_file(path)
        wanted = list(range(len(table.columns)))
        if names is not None and table.names:
            try:
                wanted = columns_of(names, table.names)
            except F0Error as error:
                raise F0Error(f"{path}: {error}") from None
        if voices is not None and len(table.columns) != voices:
            raise F0Error(f"{path}: holds {len(table.columns)} voices, {voices} are asked for")
        rows = np.stack([resample_f0(table.times, table.columns[column]) for column in wanted])
        called = names if names is not None else table.names
        if names is not None and len(names) != len(rows):
            raise F0Error(f"{path}: holds {len(rows)} voices, {len(names)} are named")
        return F0Tracks(rows, names=tuple(called))


def order_of_height(frequencies: NDArray[np.float64]) -> list[int]:
    """Rows of ``(voices, frames)`` by their median, highest first; those without a number (NaN) last."""
    medians = [
        float(np.median(row[np.isfinite(row)])) if np.isfinite(row).any() else 0.0 for row in frequencies
    ]
    return sorted(range(len(medians)), key=lambda row: -medians[row])


def _write_text(path: Path, text: str) -> None:
    """Write beside the target, then rename: a reader never sees half a file."""
    try:
        with written_beside(path) as staged:
            staged.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise F0Error(f"{path}: cannot be written ({error.strerror})") from None
