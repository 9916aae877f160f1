"""``vocsep intonation``: how well in tune every note, every voice and the whole choir is."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vocsep.commands import options
from vocsep.commands.options import OUTPUT

if TYPE_CHECKING:
    from rich.table import Table

    from vocsep.commands.screen import Screen
    from vocsep.pitch.tracks import F0Tracks
    from vocsep.transcription.report import IntonationReport


def intonation(
    recording: Annotated[
        Path,
        typer.Argument(
            metavar="RECORDING|F0.csv",
            help="An audio file, or pitches that [bold]vocsep f0[/bold] wrote.",
            show_default=False,
        ),
    ],
    voices: options.Voices = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="Write a page with pictures, for a browser.",
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", rich_help_panel=OUTPUT, help="Write a table of all notes."),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            "--names", metavar="A,B,...", rich_help_panel=OUTPUT, help="Names of the voices, highest first."
        ),
    ] = None,
    start: options.Start = 0.0,
    duration: options.Duration = None,
    device: options.DeviceOption = options.DEVICE,
    overwrite: options.Overwrite = False,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Say how well in tune a choir is: drift, each voice, each note, vibrato, and who pulls.

    Example: [bold]vocsep intonation concert.wav -n 4 --html intonation.html[/bold]
    """
    from vocsep.commands.inputs import read_names, refuse_existing
    from vocsep.commands.screen import Screen
    from vocsep.errors import SettingsError
    from vocsep.transcription.report import intonation_report

    called = read_names(names, voices)
    refuse_existing([page, csv], overwrite, recording)
    screen = Screen(quiet=quiet, as_json=as_json)
    voices = len(called) if called else voices
    tracks, missing = _tracks(recording, voices, start, duration, device.value, screen, strict)
    if called and len(called) != tracks.voices:
        raise SettingsError(f"names: {len(called)} names for {tracks.voices} voices")
    report = intonation_report(tracks, called, start)
    _show(screen, recording, report, missing)
    written = _write(report, recording, page, csv)
    for path in written:
        screen.line(f"written: {path}")
    screen.document({"input": recording, **report.to_dict(), "written": written})


def _tracks(
    recording: Path,
    voices: int | None,
    start: float,
    duration: float | None,
    device: str,
    screen: "Screen",
    strict: bool,
) -> "tuple[F0Tracks, str]":
    """Pitches from a CSV, or estimated from a recording, from ``start`` on; and what the recording lacks."""
    from vocsep.pitch.tracks import F0Tracks
    from vocsep.spectra import SAMPLE_RATE, frame_count

    if recording.suffix.lower() == ".csv":
        tracks = F0Tracks.read_csv(recording, voices).from_time(start)
        frames = None if duration is None else frame_count(round(duration * SAMPLE_RATE))
        return (tracks if frames is None else tracks.fitted(frames)), ""
    from vocsep.media.reading import analysis_stream, open_audio
    from vocsep.pitch.alternatives import surely_sung
    from vocsep.pitch.estimate import PitchEstimator

    with screen.progress(recording.name) as progress:
        progress("reading", 0.0)
        with open_audio(recording, strict) as source:
            audio = analysis_stream(source, start=start, duration=duration)
        estimator = PitchEstimator(device=device)
        heard = surely_sung(estimator.estimate(audio, voices, lambda share: progress("pitch", share)))
        return heard, source.missing


def _write(report: "IntonationReport", recording: Path, page: Path | None, csv: Path | None) -> list[Path]:
    from vocsep.media.staging import written_beside
    from vocsep.pictures.intonation_page import intonation_page

    if page is not None:
        with written_beside(page) as staged:
            staged.write_text(intonation_page(report, recording.name), encoding="utf-8")
    if csv is not None:
        with written_beside(csv) as staged:
            staged.write_text(report.to_csv(), encoding="utf-8", newline="\n")
    return [path for path in (page, csv) if path is not None]


def _show(screen: "Screen", recording: Path, report: "IntonationReport", missing: str) -> None:
    from vocsep.pictures.intonation_page import drift_sentence

    screen.line(f"{recording}", style="bold")
    screen.line(drift_sentence(report))
    screen.show(_voice_table(report))
    worst = sorted(report.notes, key=lambda note: -abs(note.own))[:5]
    screen.line("Furthest from the choir's tuning:")
    for note in worst:
        name = report.voices[note.voice - 1].name
        screen.line(f"  {note.onset:7.1f} s  {name}  {note.note}  {note.own:+.0f} cents")
    if missing:
        screen.warn(missing)


def _voice_table(report: "IntonationReport") -> "Table":
    from vocsep.commands.tables import NEVER, new_table, voice_label

    def cents(value: float, sign: str = "") -> str:
        return NEVER if math.isnan(value) else f"{value:{sign}.0f} cents"

    table = new_table()
    table.add_column("voice", overflow="fold")  # long names are broken before figures are cut
    for column in ("notes", "off the\nchoir", "spread", "off\njust", "vibrato,\n± cents", "others\nfollow"):
        table.add_column(column, justify="right", no_wrap=True)
    for voice in report.voices:
        vibrato = NEVER
        if not math.isnan(voice.vibrato_rate):
            vibrato = f"{voice.vibrato_rate:.1f} Hz ±{voice.vibrato_extent:.0f}"
        table.add_row(
            voice_label(voice.voice, voice.name),
            str(voice.notes),
            cents(voice.own, "+"),
            cents(voice.own_spread),
            cents(voice.just),
            vibrato,
            NEVER if math.isnan(voice.pull.share) else f"{voice.pull.share:.0%}",
        )
    return table
