"""``vocsep f0``: the pitches of a recording, as a picture, a table and a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vocsep.commands import archive_options, options
from vocsep.commands import f0_options as own
from vocsep.commands.f0_archive import Asked, f0_of_archive
from vocsep.commands.f0_options import Format, Method
from vocsep.commands.score_options import Score, guide_and_names
from vocsep.errors import VoicesNotFound
from vocsep.pitch.settings import PitchSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vocsep.commands.screen import ProgressCallback, Screen
    from vocsep.pitch.tracks import F0Tracks
    from vocsep.transcription.score_guide import ScoreGuide


def f0(
    recordings: own.Recordings,
    voices: options.Voices = None,
    output: own.Output = None,
    names: own.Names = None,
    format_: own.OutputFormat = None,
    plot: own.Plot = None,
    method: own.MethodOption = Method.salience,
    score: Score = None,
    pitch_model: options.PitchModel = None,
    refiner_model: options.RefinerModel = None,
    assign: options.AssignOption = options.ASSIGN,
    refine: options.Refine = PitchSettings.refine,
    start: options.Start = 0.0,
    duration: options.Duration = None,
    workers: archive_options.Workers = None,
    scheduler: archive_options.Scheduler = None,
    device: options.DeviceOption = options.DEVICE,
    overwrite: options.Overwrite = False,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Show who sings which pitch when: a picture, and the range and intonation of each voice.

    Example: [bold]vocsep f0 concert.wav -n 4 -o tracks.csv --plot tracks.png[/bold]

    Notes for other programs: [bold]vocsep f0 concert.wav -n 4 -o notes.mid[/bold]
    """
    from vocsep.commands.archive import Crew, is_archive
    from vocsep.commands.screen import Screen

    guide, called = guide_and_names(score, names, voices)
    voices = len(called) if called else voices
    if method is Method.crepe:
        _check_crepe(voices, guide)
    printed = format_ is Format.json and not output
    if format_ and not output and not printed:
        raise typer.BadParameter(f"--format {format_.value} says how the file of -o is written; give -o too")
    settings = PitchSettings(pitch_model, refiner_model, assign.value, refine)
    asked = Asked(settings, device.value, voices, called, start, duration, strict)
    screen, crew = Screen(quiet=quiet, as_json=as_json or printed), Crew(workers, scheduler)
    several = len(recordings) > 1 or Path(recordings[0]).is_dir()
    if not several and not is_archive(crew, [*recordings, output or ""]):
        target = Path(output) if output else None
        _one(Path(recordings[0]), target, format_, plot, method, guide, asked, overwrite, screen)
    elif plot or guide or method is Method.crepe or not output:
        raise typer.BadParameter("several recordings need -o FOLDER and no --plot, --score or --method")
    else:
        f0_of_archive(recordings, output, format_.value if format_ else "csv", asked, overwrite, screen, crew)


def _one(
    recording: Path,
    output: Path | None,
    format_: Format | None,
    plot: Path | None,
    method: Method,
    guide: "ScoreGuide | None",
    asked: Asked,
    overwrite: bool,
    screen: "Screen",
) -> None:
    """One recording, with picture and table."""
    from vocsep.commands.inputs import check_picture, refuse_existing

    check_picture(plot)
    refuse_existing([output, plot], overwrite, recording)
    chosen = _format_of(output, format_)
    with screen.progress(recording.name) as progress:
        progress("reading", 0.0)
        audio, missing = _read(recording, asked.start, asked.duration, asked.strict)
        if method is Method.crepe:
            tracks = _crepe(audio, asked.device, progress)
        else:
            tracks = _estimated(recording, audio, asked.voices, asked.settings, asked.device, progress, guide)
    warnings = _warnings(tracks, missing, guide)
    tracks = tracks.named(asked.names) if asked.names else tracks
    _show(screen, recording, tracks, asked.start, warnings)
    written = _write(tracks, output, chosen, asked.start, overwrite) if output else []
    for path in written:
        screen.line(f"pitches in {path}")
    if plot:
        _draw(screen, tracks, plot, recording, asked.start)
    if format_ is Format.json and not output:
        typer.echo(tracks.to_json(asked.start), nl=False)
    elif screen.as_json:
        known = _as_document(recording, tracks, asked.start)
        screen.document(known | {"written": written, "warnings": warnings})


def _draw(screen: "Screen", tracks: "F0Tracks", plot: Path, recording: Path, start: float) -> None:
    from vocsep.pictures.plot import write_plot

    write_plot(tracks, plot, title=recording.name, start=start)
    screen.line(f"picture in {plot}")


def _check_crepe(voices: int | None, guide: "ScoreGuide | None") -> None:
    if guide is not None:
        raise typer.BadParameter("--method crepe follows a single voice and knows no --score")
    if voices not in (None, 1):
        raise typer.BadParameter(f"--method crepe follows a single voice, but -n is {voices}")


def _read(
    recording: Path, start: float, duration: float | None, strict: bool
) -> "tuple[NDArray[np.float32], str]":
    """The part asked for as 16 kHz mono, ``(samples,)``, and what the recording lacks, if anything."""
    from vocsep.media.reading import analysis_stream, open_audio

    with open_audio(recording, strict) as source:
        return analysis_stream(source, start=start, duration=duration), source.missing


def _estimated(
    recording: Path,
    audio: "NDArray[np.float32]",
    voices: int | None,
    settings: PitchSettings,
    device: str,
    progress: "ProgressCallback",
    guide: "ScoreGuide | None",
) -> "F0Tracks":
    from vocsep.commands.inputs import about
    from vocsep.memory import no_garbage_in_imports

    with no_garbage_in_imports():
        from vocsep.model import pick_device
        from vocsep.pitch.estimate import PitchEstimator

    estimator = PitchEstimator(
        settings.model,
        settings.refiner,
        device=str(pick_device(device)),
        assign=settings.assign,
        refine=settings.refine,
    )
    try:
        return estimator.estimate(audio, voices, lambda share: progress("pitch", share), guide)
    except VoicesNotFound as error:  # knows nothing of files
        raise VoicesNotFound(about(recording, error)) from error


def _crepe(audio: "NDArray[np.float32]", device: str, progress: "ProgressCallback") -> "F0Tracks":
    from vocsep.model import pick_device
    from vocsep.pitch.crepe import crepe_track
    from vocsep.pitch.tracks import F0Tracks

    progress("pitch (crepe)", 0.0)
    frequencies, _ = crepe_track(audio, device=str(pick_device(device)))
    return F0Tracks(frequencies[None, :])


def _warnings(tracks: "F0Tracks", missing: str, guide: "ScoreGuide | None") -> list[str]:
    """What is to be said of the recording, of what was heard in it, and of the score."""
    from vocsep.pitch.alternatives import remarks_of

    found = [] if guide is None else guide.found
    return [*filter(None, [missing]), *remarks_of(tracks), *found]


def _show(
    screen: "Screen", recording: Path, tracks: "F0Tracks", start: float, warnings: Sequence[str]
) -> None:
    from vocsep.commands.tables import voice_table
    from vocsep.pictures.pitch import pitch_plot

    screen.line(f"{recording}", style="bold")
    screen.show(
        pitch_plot(tracks, min(screen.out.width, 200), start=start, unicode=screen.unicode),
        voice_table(tracks.voice_statistics(), tracks.names),
    )
    for warning in warnings:
        screen.warn(f"{recording.name}: {warning}")


def _format_of(output: Path | None, format_: Format | None) -> str:
    """Format asked for, or of the ending; a package that lacks for it is named before any work."""
    if output is None:
        return "csv"
    from vocsep.transcription.track_files import format_of

    return format_of(output, format_.value if format_ else None)


def _write(tracks: "F0Tracks", output: Path, format_: str, start: float, overwrite: bool) -> list[Path]:
    """Write the pitches, or the notes made of them; returns the paths."""
    from vocsep.commands.inputs import refuse_existing
    from vocsep.transcription.exports import FORMATS
    from vocsep.transcription.track_files import targets_of, write_tracks

    if format_ in FORMATS:
        refuse_existing(targets_of(tracks, output, format_), overwrite)
    return write_tracks(tracks, output, format_, start)


def _as_document(recording: Path, tracks: "F0Tracks", start: float) -> dict[str, object]:
    """Everything as JSON: frequencies in Hz, null = silent; ``start`` is the time of the first frame in s."""
    from vocsep.spectra import HOP, SAMPLE_RATE

    return {
        "input": recording,
        "start": start,
        "hop_seconds": HOP / SAMPLE_RATE,
        "voices": tracks.voices,
        **({"names": tracks.names} if tracks.names else {}),
        "statistics": [vars(one) for one in tracks.voice_statistics()],
        "frequencies": tracks.frequencies.round(3),
    }
