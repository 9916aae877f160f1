"""``vocsep edit``: one voice sung in another way, and the recording put together again."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vocsep.commands import options
from vocsep.commands.options import MODEL, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vocsep.commands.screen import Screen
    from vocsep.pitch.tracks import F0Tracks

CHANGE = "What changes"


class Retune(str, Enum):
    equal = "equal"
    just = "just"


def edit(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="STEMS|RECORDING",
            help="A folder of stems that [bold]vocsep separate[/bold] wrote, or a recording to separate.",
            show_default=False,
        ),
    ],
    voice: Annotated[
        str,
        typer.Option(
            "--voice", metavar="NAME", help="Which voice: its name, or its number.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", rich_help_panel=OUTPUT, help="Where the voice and the mix go."
        ),
    ] = Path("edited"),
    transpose: Annotated[
        float,
        typer.Option(
            "--transpose", metavar="SEMITONES", rich_help_panel=CHANGE, help="Higher or lower, -12 to 12."
        ),
    ] = 0.0,
    retune: Annotated[
        Retune | None,
        typer.Option(
            "--retune",
            rich_help_panel=CHANGE,
            help="Move every note to the choir's own equal temperament, or to just intonation with others.",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            "--share", metavar="0..1", rich_help_panel=CHANGE, help="How far --retune moves the notes."
        ),
    ] = 1.0,
    vibrato: Annotated[
        float,
        typer.Option(
            "--vibrato", metavar="FACTOR", rich_help_panel=CHANGE, help="0 takes it away, 2 doubles it."
        ),
    ] = 1.0,
    formants: Annotated[
        float,
        typer.Option(
            "--formants",
            metavar="FACTOR",
            rich_help_panel=CHANGE,
            help="Above 1 a smaller singer, below a bigger one.",
        ),
    ] = 1.0,
    resynthesis: Annotated[
        bool,
        typer.Option(
            "--resynthesis",
            rich_help_panel=CHANGE,
            help="Let the source model sing the voice, instead of changing the recorded one.",
        ),
    ] = False,
    voices: options.Voices = None,
    f0: Annotated[
        Path | None,
        typer.Option(
            "--f0",
            metavar="CSV",
            rich_help_panel=MODEL,
            help="The pitches of the voices. Default: estimated from the stems.",
        ),
    ] = None,
    device: options.DeviceOption = options.Device.auto,
    overwrite: options.Overwrite = False,
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
        stems, tracks = _separated(source, output / "stems", voices, tracks, device.value, overwrite, screen)
    with screen.progress(source.name) as progress:
        done = edit_voice(
            stems,
            voice,
            wishes,
            output,
            tracks=tracks,
            overwrite=overwrite,
            device=device.value,
            progress=progress,
        )
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
            further=[kept],
            progress=progress,
        )
    return report.stems, kept.tracks
