"""``vocsep edit``: one voice sung in another way, and the recording put together again."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vocsep.commands import edit_options as own
from vocsep.commands import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vocsep.commands.screen import Screen
    from vocsep.editing.edit import Edited
    from vocsep.pitch.tracks import F0Tracks


def edit(
    source: own.Source,
    voice: own.Voice,
    output: own.EditedFolder = Path("edited"),
    transpose: own.Transpose = 0.0,
    retune: own.RetuneOption = None,
    share: own.Share = 1.0,
    vibrato: own.Vibrato = 1.0,
    formants: own.Formants = 1.0,
    resynthesis: own.Resynthesis = False,
    voices: options.Voices = None,
    f0: own.F0File = None,
    device: options.DeviceOption = options.DEVICE,
    overwrite: options.Overwrite = False,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Change one voice, and put the recording together again with the others untouched.

    Example: [bold]vocsep edit stems/ --voice alto --retune just --share 0.8 --vibrato 0.5 -o edited/[/bold]
    """
    from vocsep.commands.screen import Screen
    from vocsep.editing.edit import edit_voice, stems_in
    from vocsep.editing.wishes import Wishes
    from vocsep.pitch.tracks import F0Tracks

    wishes = Wishes(transpose, retune.value if retune else None, share, vibrato, formants, resynthesis)
    if wishes.nothing:
        raise typer.BadParameter(
            "say what is to change: --transpose, --retune, --vibrato, --formants, --resynthesis"
        )
    if output.exists() and not output.is_dir():
        raise typer.BadParameter(f"-o {output}: is a file, a folder is needed")
    screen = Screen(quiet=quiet, as_json=as_json)
    tracks = F0Tracks.read_csv(f0) if f0 else None
    if source.is_dir():
        stems: Sequence[Path] = stems_in(source)
    else:
        stems, tracks = _separated(
            source, output / "stems", voices, tracks, device.value, overwrite, strict, screen
        )
    with screen.progress(source.name) as progress:
        where = device.value
        done = edit_voice(
            stems,
            voice,
            wishes,
            output,
            tracks=tracks,
            overwrite=overwrite,
            strict=strict,
            device=where,
            progress=progress,
        )
    _show(screen, source, stems, done)


def _show(screen: "Screen", source: Path, stems: "Sequence[Path]", done: "Edited") -> None:
    for path in done.written:
        screen.line(f"written: {path}")
    if done.gain_db:
        screen.warn(f"both would clip, so they were changed by {done.gain_db:.2f} dB together")
    screen.document(
        {
            "input": source,
            "voice": done.voice,
            "stems": list(stems),
            "written": done.written,
            "gain_db": done.gain_db,
            "f0": done.f0.round(3),
            "new_f0": done.new_f0.round(3),
        }
    )


def _separated(
    recording: Path,
    folder: Path,
    voices: int | None,
    tracks: "F0Tracks | None",
    device: str,
    overwrite: bool,
    strict: bool,
    screen: "Screen",
) -> "tuple[Sequence[Path], F0Tracks]":
    """Stems of a recording as float WAV, and their F0."""
    from vocsep.separation.further import KeptTracks
    from vocsep.separation.separator import Separator

    kept = KeptTracks()
    with screen.progress(recording.name) as progress:
        report = Separator(device=device).separate_file(
            recording,
            folder,
            voices,
            tracks=tracks,
            format="wav",
            bit_depth="float",
            overwrite=overwrite,
            strict=strict,
            further=[kept],
            progress=progress,
        )
    for warning in report.warnings:
        screen.warn(warning)
    return report.stems, kept.tracks
