"""``vocsep f0`` of many recordings: a file for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vocsep.pitch.settings import PitchSettings

if TYPE_CHECKING:
    from vocsep.commands.archive import Crew
    from vocsep.commands.screen import Screen

# Ending of each format in a folder of them, where it is not the name of the format.
ENDINGS = {"mirex": ".txt", "midi": ".mid", "pitchtier": ".PitchTier", "audacity": ".txt", "tony": ".csv"}


@dataclass(frozen=True)
class Asked:
    """What is asked for of every recording."""

    settings: PitchSettings
    device: str
    voices: int | None
    names: list[str] | None
    start: float
    duration: float | None
    strict: bool


def f0_of_archive(
    recordings: Sequence[str],
    output: str,
    format_: str,
    asked: Asked,
    overwrite: bool,
    screen: "Screen",
    crew: "Crew",
) -> None:
    """Many recordings: a file for each, and a manifest."""
    from vocsep.archive.works import FindingF0, absolute
    from vocsep.commands.archive import run_over
    from vocsep.transcription.track_files import format_of

    ending = ENDINGS.get(format_, f".{format_}")
    format_of(Path(output) / f"f0{ending}", format_)  # a package that lacks is named before any work
    names = tuple(asked.names) if asked.names else None
    work = FindingF0(absolute(asked.settings), asked.device, asked.voices, names, format_, ending)
    work = replace(work, start=asked.start, duration=asked.duration, strict=asked.strict)
    run_over(recordings, output, work, crew, overwrite, screen)
