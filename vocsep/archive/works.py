"""What can be done with every recording of an archive: its stems, or its F0.

Networks are loaded once in each worker, at its first recording.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vocsep.pitch.settings import PitchSettings
from vocsep.separation.settings import OutputSettings, SeparatorSettings

if TYPE_CHECKING:
    from vocsep.pitch.estimate import PitchEstimator
    from vocsep.separation.separator import Separator

Settings = TypeVar("Settings", SeparatorSettings, PitchSettings)


@dataclass(frozen=True)
class Separating:
    """The stems of a recording, in a folder that is named for it.

    Attributes:
        separator, output: as for a single recording.
        voices: how many sing; None: decided from each recording.
        f0: folder with ``<label>.csv`` for each recording, instead of an estimate.
    """

    separator: SeparatorSettings
    output: OutputSettings
    voices: int | None = None
    f0: Path | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        output = {**vars(self.output), "overwrite": None}
        given = {"voices": self.voices, "f0": self.f0}
        return {"command": "separate", "version": _version(), **vars(self.separator), **output, **given}

    def target(self, label: str) -> str:
        return label

    def make(self, recording: Path, label: str, folder: Path) -> Mapping[str, Any]:
        tracks, names = None, self.output.names
        if self.f0 is not None:
            from vocsep.pitch.tracks import F0Tracks

            tracks = F0Tracks.read_csv(self.f0 / f"{label}.csv", self.voices, names)
        count = tracks.voices if tracks else self.voices
        report = _separator(self.separator).separate_file(
            recording, folder / label, count, tracks=tracks, **vars(self.output)
        )
        known = report.to_dict()
        kept = ("seconds_of_audio", "sample_rate", "channels", "voices", "gain_db", "warnings", "elapsed")
        return {name: known[name] for name in kept} | {"confidence": _means(known["confidence"])}


@dataclass(frozen=True)
class FindingF0:
    """The F0 of all voices, in a file that is named for the recording.

    Attributes:
        pitch, device: as for a single recording.
        voices: how many sing; None: decided from each recording.
        names: of the voices, the highest first.
        format: see `vocsep.transcription.track_files.write_tracks`.
        ending: of the file.
        start, duration, strict: as in `OutputSettings`.
    """

    pitch: PitchSettings
    device: str = "auto"
    voices: int | None = None
    names: tuple[str, ...] | None = None
    format: str = "csv"
    ending: str = ".csv"
    start: float = 0.0
    duration: float | None = None
    strict: bool = False

    @property
    def settings(self) -> Mapping[str, Any]:
        known = {**vars(self), "pitch": vars(self.pitch)}
        return {"command": "f0", "version": _version(), **known}

    def target(self, label: str) -> str:
        return f"{label}{self.ending}"

    def make(self, recording: Path, label: str, folder: Path) -> Mapping[str, Any]:
        from vocsep.media.reading import analysis_stream, open_audio
        from vocsep.pitch.alternatives import remarks_of
        from vocsep.transcription.track_files import write_tracks

        with open_audio(recording, self.strict) as source:
            audio = analysis_stream(source, start=self.start, duration=self.duration)
            missing, rate = source.missing, source.info.sample_rate
            samples = source.span(self.start, self.duration)[1]
        tracks = _estimator(self.pitch, self.device).estimate(audio, self.voices)
        warnings = [*filter(None, [missing]), *remarks_of(tracks)]
        named = tracks.named(self.names) if self.names else tracks
        write_tracks(named, folder / self.target(label), self.format, self.start)
        return {"seconds_of_audio": samples / rate, "voices": tracks.voices, "warnings": warnings}


@lru_cache(maxsize=1)
def _separator(settings: SeparatorSettings) -> "Separator":
    from vocsep.separation.separator import Separator

    return Separator(**vars(settings))


@lru_cache(maxsize=1)
def _estimator(settings: PitchSettings, device: str) -> "PitchEstimator":
    from vocsep.model import pick_device
    from vocsep.pitch.estimate import PitchEstimator

    where = str(pick_device(device))
    return PitchEstimator(
        settings.model, settings.refiner, device=where, assign=settings.assign, refine=settings.refine
    )


def absolute(settings: Settings) -> Settings:
    """The same, with names of files that hold in a worker, which may run in another folder."""
    paths: dict[str, Any] = {
        name: value.absolute() for name, value in vars(settings).items() if isinstance(value, Path)
    }
    return replace(settings, **paths)


def _means(confidence: list[list[float | None]]) -> list[float | None]:
    """Mean of each voice over the seconds in which it sings."""
    sung = [[share for share in voice if share is not None] for voice in confidence]
    return [round(sum(voice) / len(voice), 3) if voice else None for voice in sung]


def _version() -> str:
    try:
        return version("vocsep")
    except PackageNotFoundError:
        return "source"
