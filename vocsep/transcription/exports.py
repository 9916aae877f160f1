"""Which files an export writes: all voices in one, or one for each voice where the format knows only one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import F0Error, SettingsError
from vocsep.media.staging import written_beside
from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.jams_file import jams_text
from vocsep.transcription.layers import (
    audacity_labels,
    praat_pitch_tier,
    sonic_visualiser,
    tony_notes,
    tony_pitch,
)
from vocsep.transcription.midi import require_mido, write_midi
from vocsep.transcription.musicxml import require_music21, write_musicxml

OfVoice = Callable[[NDArray[np.float64], str, float], str]

# Of formats that hold one voice: what follows the name of the voice, and the text of the file.
_BY_VOICE: dict[str, dict[str, OfVoice]] = {
    "svl": {".svl": sonic_visualiser},
    "tony": {
        "_pitch.csv": lambda row, name, start: tony_pitch(row, start),
        "_notes.csv": lambda row, name, start: tony_notes(row, start),
    },
    "pitchtier": {".PitchTier": lambda row, name, start: praat_pitch_tier(row, start)},
    "audacity": {".txt": audacity_labels},
}
FORMATS = ("midi", "musicxml", "jams", *_BY_VOICE)
BY_SUFFIX = {
    ".mid": "midi",
    ".midi": "midi",
    ".musicxml": "musicxml",
    ".xml": "musicxml",
    ".jams": "jams",
    ".svl": "svl",
    ".pitchtier": "pitchtier",
}


@dataclass(frozen=True)
class Export:
    """F0 tracks on their way into the files of another program.

    Args:
        format: one of `FORMATS`.
        path: the file, or, of a format that holds one voice, ``<folder>/<stem>``, to which the name of each
            voice and the ending are added; a single voice keeps the name as it is.
        names: of the voices; ``voice_1`` ... by default.

    Raises:
        SettingsError: an unknown format.
        DependencyError: a package that it needs is not installed.
    """

    format: str
    path: Path
    names: Sequence[str]

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise SettingsError(f"format: {self.format!r} is not one of {', '.join(FORMATS)}")
        if self.format == "midi":
            require_mido(self.path)
        if self.format == "musicxml":
            require_music21(self.path)

    @property
    def targets(self) -> list[Path]:
        """Every file that will be written."""
        if self.format not in _BY_VOICE:
            return [self.path]
        return [self._target(name, ending) for name in self.names for ending in _BY_VOICE[self.format]]

    def write(self, tracks: F0Tracks, start: float = 0.0) -> list[Path]:
        """Write all files, without the faint ends of notes, which would blur where these begin.

        Args:
            tracks: F0, as many voices as names.
            start: time of the first frame in s, on the clock of the recording.

        Raises:
            F0Error: a file cannot be written.
        """
        from vocsep.pitch.alternatives import surely_sung  # loads torch, which formats do not need

        tracks = surely_sung(tracks)
        try:
            if self.format == "midi":
                write_midi(tracks, self.path, self.names, start)
            elif self.format == "musicxml":
                write_musicxml(tracks, self.path, self.names, start)
            elif self.format == "jams":
                _write(self.path, jams_text(tracks, self.names, start, self.path.stem))
            else:
                for row, name in zip(tracks.frequencies, self.names, strict=True):
                    for ending, text in _BY_VOICE[self.format].items():
                        _write(self._target(name, ending), text(row, name, start))
        except OSError as error:
            raise F0Error(f"{self.path}: cannot be written ({error.strerror or error})") from None
        return self.targets

    def _target(self, name: str, ending: str) -> Path:
        if len(self.names) == 1:
            whole = self.path.suffix.lower() == ending.lower()
            return self.path if whole else self.path.with_name(self.path.stem + ending)
        return self.path.with_name(f"{self.path.stem}_{name}{ending}")


def voice_names(voices: int, names: Sequence[str] | None = None) -> list[str]:
    """The names given, or ``voice_1`` ...

    >>> voice_names(2)
    ['voice_1', 'voice_2']
    """
    return list(names) if names else [f"voice_{voice}" for voice in range(1, voices + 1)]


def _write(path: Path, text: str) -> None:
    with written_beside(path) as staged:
        staged.write_text(text, encoding="utf-8", newline="\n")
