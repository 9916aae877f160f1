"""What a separation returns: arrays in memory, or a report of the files that were written."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.intonation import VoiceStatistics
from vocsep.pitch.tracks import F0Tracks
from vocsep.source.voice import SourceParameters


@dataclass(frozen=True)
class Separation:
    """Voices of a recording, the highest first.

    Attributes:
        stems: ``(voices, samples)`` or ``(voices, samples, channels)``, as the input; they add up to it.
        sample_rate: Hz, of the stems.
        tracks: F0 of each voice.
        parameters: source parameters of each voice (batch of 1).
        synthesised: ``(voices, samples)`` at 16 kHz, the voices as the source model sings them.
        confidence: ``(voices, seconds)``, share of each voice's energy that no other voice claims, 0 to 1;
            NaN where a voice is silent.
        seconds: time that each stage took.
        warnings: what a listener should know.
    """

    stems: NDArray[np.float32]
    sample_rate: int
    tracks: F0Tracks
    parameters: SourceParameters
    synthesised: NDArray[np.float32]
    confidence: NDArray[np.float32]
    seconds: dict[str, float]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FileReport:
    """What was done with one recording.

    Attributes:
        input: the recording. stems: the files written, the highest voice first. extra: further files.
        sample_rate: Hz. channels, samples: of the recording and of each stem.
        seconds_of_audio: length of what was separated.
        gain_db: common gain that kept integer stems from clipping.
        statistics: of each voice's pitch.
        confidence: ``(voices, seconds)``, as in `Separation`.
        elapsed: seconds that each stage took.
    """

    input: Path
    stems: list[Path]
    extra: list[Path]
    sample_rate: int
    channels: int
    samples: int
    seconds_of_audio: float
    voices: int
    gain_db: float
    statistics: list[VoiceStatistics]
    confidence: NDArray[np.float32]
    warnings: list[str]
    elapsed: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: paths as text, null where a voice has no confidence."""
        plain = asdict(self)
        plain["input"] = str(self.input)
        plain["stems"] = [str(path) for path in self.stems]
        plain["extra"] = [str(path) for path in self.extra]
        rounded = [[round(float(share), 3) for share in voice] for voice in self.confidence]
        plain["confidence"] = [[None if share != share else share for share in voice] for voice in rounded]
        return plain
