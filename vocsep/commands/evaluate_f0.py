"""``vocsep evaluate-f0``: how near the pitches of one F0 file are to those of another, the truth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vocsep.commands import options

if TYPE_CHECKING:
    from vocsep.commands.screen import Screen
    from vocsep.evaluation.exchanges import Exchange
    from vocsep.evaluation.pitch_scores import PitchScores
    from vocsep.pitch.tracks import F0Tracks

APART = 0.5  # s, ends of the two files further apart than this are worth a word


def evaluate_f0(
    reference: Annotated[
        Path,
        typer.Argument(metavar="REFERENCE", help="The true pitches: time,voice_1,... in Hz, empty = silent."),
    ],
    estimate: Annotated[
        Path,
        typer.Argument(
            metavar="ESTIMATE", help="The pitches to judge, written by [bold]vocsep f0 -o[/bold] for one."
        ),
    ],
    best: Annotated[
        bool,
        typer.Option(
            "--best",
            help="Compare each voice with the row that suits it best, each row once. Default: in order.",
        ),
    ] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Compare pitches with the true ones: all together, and voice by voice.

    The files may have any time steps. Example: [bold]vocsep evaluate-f0 truth.csv tracks.csv --best[/bold]
    """
    from vocsep.commands.inputs import about
    from vocsep.commands.screen import Screen
    from vocsep.errors import F0Error
    from vocsep.evaluation.exchanges import exchanges
    from vocsep.evaluation.pitch_scores import pitch_scores
    from vocsep.pitch.tracks import F0Tracks

    truth, guess = F0Tracks.read_csv(reference), F0Tracks.read_csv(estimate)
    try:
        scores = pitch_scores(truth, guess, best)
    except F0Error as error:  # knows nothing of files
        raise F0Error(about(reference, error)) from error
    rows = [None if voice.estimate is None else voice.estimate - 1 for voice in scores.voices]
    exchanged = exchanges(truth, guess, rows)
    notes = _notes(truth, guess, scores)
    screen = Screen(quiet=quiet, as_json=as_json)
    _show(screen, f"{estimate}, compared with {reference}", scores, exchanged)
    for note in notes:
        screen.warn(note)
    if as_json:
        document = _as_document(reference, estimate, truth, guess, scores)
        screen.document(document | {"exchanges": [vars(one) for one in exchanged], "notes": notes})


def _notes(truth: "F0Tracks", guess: "F0Tracks", scores: "PitchScores") -> list[str]:
    """One line for each thing without which the scores would be misread."""
    notes = []
    if truth.voices != guess.voices:
        notes.append(
            f"the reference has {truth.voices} voices, the estimate {guess.voices}: voices were compared "
            "with the rows that suit them best"
        )
    alone = [str(one.voice) for one in scores.voices if one.estimate is None]
    if alone:
        notes.append(
            f"no row of the estimate is left for voice {', '.join(alone)}: all of it counts as missed"
        )
    if scores.left_over:
        rows = ", ".join(map(str, scores.left_over))
        notes.append(f"row {rows} of the estimate was compared with no voice; it only costs precision")
    if abs(truth.seconds - guess.seconds) > APART:
        notes.append(
            f"the reference ends at {truth.seconds:.1f} s, the estimate at {guess.seconds:.1f} s: after its "
            "end a file counts as silent"
        )
    return notes


def _show(screen: "Screen", title: str, scores: "PitchScores", exchanged: "list[Exchange]") -> None:
    from vocsep.commands.tables import multipitch_table, voice_scores_table

    screen.line(title, style="bold")
    screen.show(multipitch_table(scores.multipitch), voice_scores_table(scores.voices))
    screen.line("pitch right: within 50 cents of the voice's own pitch; median error: of those frames", "dim")
    screen.line("other voice, octave error: wrong, but what another voice sings, or octaves off", "dim")
    for one in exchanged:
        a, b = one.voices
        screen.line(f"{one.start:.1f} to {one.end:.1f} s: voices {a} and {b} exchanged")


def _as_document(
    reference: Path, estimate: Path, truth: "F0Tracks", guess: "F0Tracks", scores: "PitchScores"
) -> dict[str, Any]:
    """Everything as JSON: shares from 0 to 1, null = share of nothing; voices and rows count from 1."""
    from vocsep.spectra import HOP, SAMPLE_RATE

    return {
        "reference": {"file": reference, "voices": truth.voices, "frames": truth.frames},
        "estimate": {"file": estimate, "voices": guess.voices, "frames": guess.frames},
        "hop_seconds": HOP / SAMPLE_RATE,
        "matching": "best" if scores.best else "order",
        "multi_f0": [{"cents": cents, **vars(one)} for cents, one in scores.multipitch.items()],
        "voices": [vars(one) for one in scores.voices],
        "rows_left_over": scores.left_over,
    }
