"""What a separation returns: arrays in memory, or a report of the files that were written."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.intonation import VoiceStatistics
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.chunk_stems import SeparatedChunk, joined_parameters
from vocsep.source.voice import SourceParameters
from vocsep.spectra import SAMPLE_RATE


@dataclass(frozen=True)
class Separation:
    """Voices of a recording, the highest first.

    Attributes:
        stems: ``(voices, samples)`` or ``(voices, samples, channels)``, as the input; they add up to it.
        sample_rate: Hz, of the stems.
        tracks: F0 of each voice.
        parameters: source parameters of each voice (batch of 1); None of methods without a source model.
        synthesised: ``(voices, samples)`` at 16 kHz, as the source model sings the voices; None likewise.
        confidence: ``(voices, seconds)``, share of each voice's energy that no other voice claims, 0 to 1;
            NaN where a voice is silent.
        seconds: time that each stage took.
        warnings: what a listener should know.
    """

    stems: NDArray[np.float32]
    sample_rate: int
    tracks: F0Tracks
    parameters: SourceParameters | None
    synthesised: NDArray[np.float32] | None
    confidence: NDArray[np.float32]
    seconds: dict[str, float]
    warnings: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        length = self.stems.shape[1] / self.sample_rate
        warned = f", {len(self.warnings)} warnings" if self.warnings else ""
        return f"Separation({len(self.stems)} voices, {length:.1f} s, {self.sample_rate} Hz{warned})"

    def _repr_html_(self) -> str:
        """What a notebook shows: pitches, and for each voice a player and its figures."""
        from vocsep.player.notebook import separation_html  # notes, which no command needs to separate

        return separation_html(self.stems, self.sample_rate, self.tracks, self.confidence)


class WholeRecording:
    """Separated chunks put together in memory.

    Args:
        voices: number of voices.
        shape: of the recording, ``(samples, channels)``.
        sample_rate: Hz, of the recording.
        analysed: samples of its copy at 16 kHz.
        frames: of its F0 tracks.
        seed: of the noise of synthesised voices.

    Attributes:
        stems: ``(voices, samples, channels)``.
    """

    def __init__(
        self, voices: int, shape: tuple[int, ...], sample_rate: int, analysed: int, frames: int, seed: int
    ) -> None:
        self.stems = np.zeros((voices, *shape), np.float32)
        self._rate, self._frames, self._seed = sample_rate, frames, seed
        self._synthesised = np.zeros((voices, analysed), np.float32)
        self._parameters: list[SourceParameters] = []

    def add(self, separated: SeparatedChunk) -> None:
        """Put a chunk in its place."""
        first = separated.chunk.first * self._rate
        self.stems[:, first : first + separated.stems.shape[1]] += separated.stems
        voice, parameters = separated.synthesised(self._seed), separated.own_parameters(self._frames)
        if voice is not None and parameters is not None:
            low = separated.chunk.first * SAMPLE_RATE
            self._synthesised[:, low : low + voice.shape[1]] += voice
            self._parameters.append(parameters)

    @property
    def parameters(self) -> SourceParameters | None:
        """Of all chunks; None where the method has no source model."""
        return joined_parameters(self._parameters) if self._parameters else None

    @property
    def synthesised(self) -> NDArray[np.float32] | None:
        """``(voices, samples)`` at 16 kHz; None where the method has no source model."""
        return self._synthesised if self._parameters else None


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
        removed: stems of an earlier run on this recording that had to go.
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
    removed: list[Path] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: paths as text, null where a voice has no confidence."""
        plain = asdict(self)
        plain["input"] = str(self.input)
        plain["stems"] = [str(path) for path in self.stems]
        plain["extra"] = [str(path) for path in self.extra]
        plain["removed"] = [str(path) for path in self.removed]
        rounded = [[round(float(share), 3) for share in voice] for voice in self.confidence]
        plain["confidence"] = [[None if share != share else share for share in voice] for voice in rounded]
        return plain
