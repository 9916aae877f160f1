"""The option ``--score``, and what it says of the voices: how many they are, and their names."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vocsep.commands.inputs import read_names
from vocsep.commands.options import MODEL
from vocsep.pitch.settings import MOST_VOICES

if TYPE_CHECKING:
    from vocsep.transcription.score_guide import ScoreGuide

Score = Annotated[
    Path | None,
    typer.Option(
        "--score",
        metavar="FILE",
        rich_help_panel=MODEL,
        help="The score (.mid, .musicxml, .mxl): voices follow their parts. What does not fit is said. "
        "MusicXML needs the extra vocsep\\[score], MIDI vocsep\\[midi].",
    ),
]


def guide_and_names(
    score: Path | None, names: str | None, voices: int | None, f0: Path | None = None
) -> "tuple[ScoreGuide | None, list[str] | None]":
    """What leads the voices along a score, if one is given, and the names asked for, else those of its parts.

    Raises:
        typer.BadParameter: the score has another number of parts than ``voices`` or names, or more than can
            be told apart; or ``f0`` gives the pitches that it would find.
        SettingsError, DependencyError: it cannot be read.
    """
    called = read_names(names, voices)
    if score is None:
        return None, called
    if f0 is not None:
        raise typer.BadParameter("--score finds the pitches, --f0 gives them: one of both is enough")
    from vocsep.transcription.score_guide import ScoreGuide
    from vocsep.transcription.score_reading import read_score

    guide = ScoreGuide(read_score(score))
    if voices is not None and voices != guide.voices:
        raise typer.BadParameter(f"--score {score}: has {guide.voices} parts, but -n is {voices}")
    if guide.voices > MOST_VOICES:
        raise typer.BadParameter(
            f"--score {score}: has {guide.voices} parts, at most {MOST_VOICES} are possible"
        )
    if called and len(called) != guide.voices:
        raise typer.BadParameter(f"--names holds {len(called)} names, the score {guide.voices} parts")
    return guide, called or guide.names
