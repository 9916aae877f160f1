"""``vocsep f0``: the pitches of a recording, as a picture, a table and a file."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vocsep.commands import options
from vocsep.commands.options import MODEL, OUTPUT
from vocsep.errors import VoicesNotFound
from vocsep.pitch import DEFAULT_REFINE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vocsep.commands.screen import ProgressCallback, Screen
    from vocsep.pitch.tracks import F0Tracks


class Method(str, Enum):
    salience = "salience"
    crepe = "crepe"


class Format(str, Enum):
    csv = "csv"
    mirex = "mirex"
    json = "json"
    midi = "midi"
    musicxml = "musicxml"
    svl = "svl"
    tony = "tony"
    pitchtier = "pitchtier"
    audacity = "audacity"
    jams = "jams"


BY_SUFFIX = {".csv": "csv", ".json": "json", ".txt": "mirex", ".tsv": "mirex"}


def f0(
    recording: Annotated[
        Path, typer.Argument(metavar="RECORDING", help="An audio file.", show_default=False)
    ],
    voices: options.Voices = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="Write the pitches: time,voice_1,... in Hz, empty = silent. "
            "[bold]vocsep separate --f0[/bold] reads this, after your corrections too.",
        ),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            rich_help_panel=OUTPUT,
            help="Of that file: csv, mirex, json; notes as midi, musicxml, jams; for each voice svl, tony, "
            "pitchtier, audacity. Default: by its ending.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="FILE", rich_help_panel=OUTPUT, help="Write the picture as .png, .svg or .pdf."
        ),
    ] = None,
    method: Annotated[
        Method,
        typer.Option(
            "--method",
            rich_help_panel=MODEL,
            help="crepe: for a single voice, needs the extra vocsep\\[crepe].",
        ),
    ] = Method.salience,
    score: options.Score = None,
    pitch_model: options.PitchModel = None,
    refiner_model: options.RefinerModel = None,
    assign: options.AssignOption = options.Assign.viterbi,
    refine: options.Refine = DEFAULT_REFINE,
    start: options.Start = 0.0,
    duration: options.Duration = None,
    device: options.DeviceOption = options.Device.auto,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Show who sings which pitch when: a picture, and the range and intonation of each voice.

    Example: [bold]vocsep f0 concert.wav -n 4 -o tracks.csv --plot tracks.png[/bold]

    Notes for other programs: [bold]vocsep f0 concert.wav -n 4 -o notes.mid[/bold]
    """
    from vocsep.commands.inputs import about, check_picture, refuse_existing
    from vocsep.commands.screen import Screen

    if method is Method.crepe and voices not in (None, 1):
        raise typer.BadParameter(f"--method crepe follows a single voice, but -n is {voices}")
    if format_ and not output:
        raise typer.BadParameter(f"--format {format_.value} says how the file of -o is written; give -o too")
    guide = options.score_guide(score, voices)
    if method is Method.crepe and guide is not None:
        raise typer.BadParameter("--method crepe follows a single voice and knows no --score")
    check_picture(plot)
    refuse_existing([output, plot], overwrite, recording)
    chosen = _format_of(output, format_)

    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.progress(recording.name) as progress:
        progress("reading", 0.0)
        audio = _read(recording, start, duration)
        if method is Method.crepe:
            tracks = _crepe(audio, device.value, progress)
        else:
            from vocsep.model import pick_device
            from vocsep.pitch.estimate import PitchEstimator

            where = str(pick_device(device.value))
            estimator = PitchEstimator(
                pitch_model, refiner_model, device=where, assign=assign.value, refine=refine
            )
            try:
                tracks = estimator.estimate(audio, voices, lambda share: progress("pitch", share), guide)
            except VoicesNotFound as error:  # knows nothing of files
                raise VoicesNotFound(about(recording, error)) from error
    _show(screen, recording, tracks, start)
    for line in guide.found if guide is not None else []:
        screen.warn(line)
    names = guide.names if guide is not None else None
    written = _write(tracks, output, chosen, start, overwrite, names) if output else []
    for path in written:
        screen.line(f"pitches in {path}")
    if plot:
        from vocsep.pictures.pitch import write_plot

        write_plot(tracks, plot, title=recording.name, start=start)
        screen.line(f"picture in {plot}")
    if as_json:
        found = guide.found if guide is not None else []
        screen.document(_as_document(recording, tracks, start) | {"written": written, "warnings": found})


def _read(recording: Path, start: float, duration: float | None) -> "NDArray[np.float32]":
    """The part asked for as 16 kHz mono, ``(samples,)``."""
    from vocsep.media.reading import analysis_stream, open_audio

    with open_audio(recording) as source:
        return analysis_stream(source, start=start, duration=duration)


def _crepe(audio: "NDArray[np.float32]", device: str, progress: "ProgressCallback") -> "F0Tracks":
    from vocsep.model import pick_device
    from vocsep.pitch.crepe import crepe_track
    from vocsep.pitch.tracks import F0Tracks

    progress("pitch (crepe)", 0.0)
    frequencies, _ = crepe_track(audio, device=str(pick_device(device)))
    return F0Tracks(frequencies[None, :])


def _show(screen: "Screen", recording: Path, tracks: "F0Tracks", start: float) -> None:
    from vocsep.commands.tables import voice_table
    from vocsep.pictures.pitch import pitch_plot

    screen.line(f"{recording}", style="bold")
    screen.show(
        pitch_plot(tracks, min(screen.out.width, 200), start=start, unicode=screen.unicode),
        voice_table(tracks.voice_statistics()),
    )


def _format_of(output: Path | None, format_: Format | None) -> str:
    """Format asked for, or of the ending; a package that lacks for it is named before any work."""
    from vocsep.transcription import exports

    if output is None:
        return "csv"
    suffix = output.suffix.lower()
    chosen = format_.value if format_ else (BY_SUFFIX | exports.BY_SUFFIX).get(suffix, "csv")
    if chosen in exports.FORMATS:
        exports.Export(chosen, output, ["voice_1"])
    return chosen


def _write(
    tracks: "F0Tracks", output: Path, format_: str, start: float, overwrite: bool, names: list[str] | None
) -> list[Path]:
    """Write the pitches, or the notes made of them; returns the paths."""
    from vocsep.commands.inputs import refuse_existing
    from vocsep.transcription.exports import FORMATS, Export, voice_names

    if format_ in FORMATS:
        export = Export(format_, output, voice_names(tracks.voices, names))
        refuse_existing(export.targets, overwrite)
        return export.write(tracks, start)
    write = {"csv": tracks.write_csv, "mirex": tracks.write_mirex, "json": tracks.write_json}
    write[format_](output, start)
    return [output]


def _as_document(recording: Path, tracks: "F0Tracks", start: float) -> dict[str, object]:
    """Everything as JSON: frequencies in Hz, null = silent; ``start`` is the time of the first frame in s."""
    from vocsep.spectra import HOP, SAMPLE_RATE

    return {
        "input": recording,
        "start": start,
        "hop_seconds": HOP / SAMPLE_RATE,
        "voices": tracks.voices,
        "statistics": [vars(one) for one in tracks.voice_statistics()],
        "frequencies": tracks.frequencies.round(3),
    }
