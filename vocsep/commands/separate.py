"""``vocsep separate``: recordings in, one stem a voice out."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vocsep.commands import options
from vocsep.commands.options import MODEL, OUTPUT
from vocsep.pitch import DEFAULT_REFINE

if TYPE_CHECKING:
    from vocsep.separation.further import FurtherFiles
    from vocsep.separation.results import FileReport


class Method(str, Enum):
    source_filter = "source-filter"
    levels = "levels"
    comb = "comb"
    unet = "unet"
    nmf = "nmf"
    source_filter_nmf = "source-filter-nmf"
    oracle_ratio = "oracle-ratio"
    oracle_power = "oracle-power"
    oracle_binary = "oracle-binary"


class Format(str, Enum):
    wav = "wav"
    flac = "flac"
    mp3 = "mp3"
    ogg = "ogg"


class BitDepth(str, Enum):
    sixteen = "16"
    twenty_four = "24"
    float_ = "float"

    @property
    def value_for_writer(self) -> Literal[16, 24, "float"]:
        depths: dict[str, Literal[16, 24, "float"]] = {"16": 16, "24": 24, "float": "float"}
        return depths[self.value]


def separate(
    recordings: Annotated[
        list[Path],
        typer.Argument(metavar="RECORDING", help="Audio files, or folders of them.", show_default=False),
    ],
    voices: options.Voices = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            rich_help_panel=OUTPUT,
            help="Where the stems go; several recordings get a subfolder each.",
        ),
    ] = Path("stems"),
    names: Annotated[
        str | None,
        typer.Option(
            "--names",
            metavar="A,B,...",
            rich_help_panel=OUTPUT,
            help="Names of the stems from the highest voice down, as [bold]soprano,alto,tenor,bass[/bold]. "
            "Default: voice_1, voice_2, ...",
        ),
    ] = None,
    f0: Annotated[
        Path | None,
        typer.Option(
            "--f0",
            metavar="CSV",
            rich_help_panel=MODEL,
            help="Use these pitches (time,voice_1,... in Hz, empty = silent) instead of estimating them. "
            "For several recordings: a folder with <recording>.csv for each.",
        ),
    ] = None,
    score: options.Score = None,
    model: options.Model = None,
    pitch_model: options.PitchModel = None,
    refiner_model: options.RefinerModel = None,
    postfilter_model: options.PostfilterModel = None,
    postfilter: Annotated[
        bool,
        typer.Option(
            "--postfilter/--no-postfilter",
            rich_help_panel=MODEL,
            help="Correct the masks of the method source-filter by what the recording shows.",
        ),
    ] = True,
    assign: options.AssignOption = options.Assign.viterbi,
    refine: options.Refine = DEFAULT_REFINE,
    adapt: options.Adapt = None,
    method: Annotated[
        Method,
        typer.Option(
            "--method",
            rich_help_panel=MODEL,
            help="source-filter: the paper's model, learned. levels: harmonics with levels fitted in closed "
            "form, nothing learned. comb: bare harmonics. nmf, source-filter-nmf: matrix factorisations. "
            "unet: supervised, needs its --model. oracle-...: masks of the true stems, the ceiling.",
        ),
    ] = Method.source_filter,
    stems: Annotated[
        Path | None,
        typer.Option(
            "--stems",
            metavar="FOLDER",
            rich_help_panel=MODEL,
            help="The true stems, in the order of their names from the highest voice down; for the methods "
            "oracle-ratio, oracle-power and oracle-binary.",
            show_default=False,
        ),
    ] = None,
    spatial: Annotated[
        bool,
        typer.Option(
            "--spatial/--no-spatial",
            rich_help_panel=MODEL,
            help="In a stereo recording, also tell voices apart by where they stand. Does nothing where the "
            "channels are alike.",
        ),
    ] = True,
    synth: Annotated[
        bool,
        typer.Option(
            "--synth", rich_help_panel=OUTPUT, help="Also write the synthesised voice of each stem."
        ),
    ] = False,
    minus_one: Annotated[
        bool,
        typer.Option(
            "--minus-one",
            rich_help_panel=OUTPUT,
            help="Also write the recording without each voice, to sing along.",
        ),
    ] = False,
    practice: Annotated[
        bool,
        typer.Option(
            "--practice",
            rich_help_panel=OUTPUT,
            help="Also write mixes to practise with, for each voice: in front of the others, alone on the "
            "left, and the recording without it.",
        ),
    ] = False,
    notes: Annotated[
        bool,
        typer.Option(
            "--notes",
            rich_help_panel=OUTPUT,
            help="Also write notes.mid, a track for each voice. Needs the extra vocsep\\[midi].",
        ),
    ] = False,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", rich_help_panel=OUTPUT, help="Default: as the recording.", show_default=False
        ),
    ] = None,
    bit_depth: Annotated[
        BitDepth | None,
        typer.Option(
            "--bit-depth",
            rich_help_panel=OUTPUT,
            help="float adds up to the recording exactly. Default: as the recording.",
            show_default=False,
        ),
    ] = None,
    start: options.Start = 0.0,
    duration: options.Duration = None,
    device: options.DeviceOption = options.Device.auto,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Separate recordings into one stem for each voice; the stems add up to the recording.

    Example: [bold]vocsep separate concert.wav -n 4 --names soprano,alto,tenor,bass -o stems/[/bold]
    """
    from vocsep.commands.batch import Job, run_jobs, say_what_failed
    from vocsep.commands.inputs import find_recordings, read_names, stem_folders, track_files
    from vocsep.commands.screen import Screen

    stem_names = read_names(names, voices)
    guide = options.score_guide(score, voices)
    if guide is not None:
        if f0 is not None:
            raise typer.BadParameter("--score finds the pitches, --f0 gives them: one of both is enough")
        if stem_names and len(stem_names) != guide.voices:
            raise typer.BadParameter(f"--names holds {len(stem_names)} names, the score {guide.voices} parts")
        stem_names = stem_names or guide.names
    _check_writable_format(format_, bit_depth)
    if output.exists() and not output.is_dir():
        raise typer.BadParameter(f"-o {output}: is a file, a folder is needed")
    several = len(recordings) > 1 or recordings[0].is_dir()
    found, failed = find_recordings(recordings, output)
    named = stem_folders(found, output)
    tracks = track_files(f0, [folder.name for folder in named], several)
    folders = named if several else [output] * len(found)
    jobs = [Job(*job) for job in zip(found, folders, tracks, strict=True)]

    further = _further_files(practice, minus_one, notes)
    screen = Screen(quiet=quiet, as_json=as_json)
    for failure in failed:
        screen.error(failure.error)
    reports: list[FileReport] = []
    if jobs:
        from vocsep.separation.separator import Separator

        separator = Separator(
            model,
            device=device.value,
            assign=assign.value,
            refine=refine,
            adapt=adapt,
            method=method.value,
            stems=stems,
            spatial=spatial,
            pitch_model=pitch_model,
            refiner_model=refiner_model,
            postfilter=(postfilter_model or True) if postfilter else False,
            seed=seed,
        )
        wishes = {
            "names": stem_names,
            "start": start,
            "duration": duration,
            "format": format_.value if format_ else None,
            "bit_depth": bit_depth.value_for_writer if bit_depth else None,
            "synth": synth,
            "minus_one": minus_one,
            "further": further,
            "guide": guide,
            "overwrite": overwrite,
        }
        voices = len(stem_names) if stem_names else voices
        reports, failures = run_jobs(separator, jobs, voices, wishes, screen)
        failed += failures
    screen.document(
        {"files": [report.to_dict() for report in reports], "failed": [vars(one) for one in failed]}
    )
    if failed:
        if several:
            say_what_failed(screen, len(reports), failed)
        raise typer.Exit(1)


def _further_files(practice: bool, minus_one: bool, notes: bool) -> "list[FurtherFiles]":
    """What else is to be made of the stems; a package that lacks for it is named before any work."""
    from vocsep.separation.further import NoteFile
    from vocsep.separation.practice import PracticeMixes
    from vocsep.transcription.midi import require_mido

    if notes:
        require_mido(Path(NoteFile().name))
    mixes: list[FurtherFiles] = [PracticeMixes(minus=not minus_one)] if practice else []
    return [*mixes, NoteFile()] if notes else mixes


def _check_writable_format(format_: Format | None, bit_depth: BitDepth | None) -> None:
    """Refuse a bit depth that the format cannot hold, before any work is done."""
    if format_ in (Format.mp3, Format.ogg) and bit_depth is not None:
        raise typer.BadParameter(f"--bit-depth {bit_depth.value}: {format_.value} has no bit depth")
    if format_ is Format.flac and bit_depth is BitDepth.float_:
        raise typer.BadParameter("--bit-depth float: flac holds 16 or 24 bits, wav holds float")
