"""``vocsep separate``: recordings in, one stem a voice out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vocsep.commands import archive_options, options
from vocsep.commands import separate_options as own
from vocsep.commands.score_options import Score, guide_and_names
from vocsep.commands.separate_options import BitDepth, Format
from vocsep.separation.settings import OutputSettings, SeparatorSettings

if TYPE_CHECKING:
    from vocsep.commands.archive import Crew
    from vocsep.commands.batch import Job
    from vocsep.commands.inputs import Failure
    from vocsep.commands.screen import Screen
    from vocsep.separation.results import FileReport
    from vocsep.transcription.score_guide import ScoreGuide


def separate(
    recordings: own.Recordings,
    voices: options.Voices = None,
    output: own.StemFolder = "stems",
    names: own.Names = None,
    f0: own.F0File = None,
    score: Score = None,
    model: options.Model = None,
    pitch_model: options.PitchModel = None,
    refiner_model: options.RefinerModel = None,
    postfilter_model: options.PostfilterModel = None,
    postfilter: own.Postfilter = bool(SeparatorSettings.postfilter),
    share_doubt: own.ShareDoubt = SeparatorSettings.share_doubt,
    filter_: own.FilterOption = own.FILTER,
    assign: options.AssignOption = options.ASSIGN,
    refine: options.Refine = SeparatorSettings.refine,
    adapt: options.Adapt = SeparatorSettings.adapt,
    method: own.MethodOption = SeparatorSettings.method,
    stems: own.TrueStems = None,
    spatial: own.Spatial = SeparatorSettings.spatial,
    synth: own.Synth = OutputSettings.synth,
    minus_one: own.MinusOne = OutputSettings.minus_one,
    practice: own.Practice = OutputSettings.practice,
    notes: own.Notes = OutputSettings.notes,
    page: own.Page = OutputSettings.page,
    format_: own.StemFormat = None,
    bit_depth: own.StemDepth = None,
    start: options.Start = OutputSettings.start,
    duration: options.Duration = OutputSettings.duration,
    workers: archive_options.Workers = None,
    scheduler: archive_options.Scheduler = None,
    device: options.DeviceOption = options.DEVICE,
    seed: options.Seed = SeparatorSettings.seed,
    overwrite: options.Overwrite = OutputSettings.overwrite,
    strict: options.Strict = OutputSettings.strict,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Separate recordings into one stem for each voice; the stems add up to the recording.

    Example: [bold]vocsep separate concert.wav -n 4 --names soprano,alto,tenor,bass -o stems/[/bold]
    """
    from vocsep.commands.archive import Crew, is_archive
    from vocsep.commands.screen import Screen

    guide, called = guide_and_names(score, names, voices, f0)
    settings = SeparatorSettings(model, device.value, assign.value, refine, adapt, method, stems, spatial)
    settings = replace(settings, pitch_model=pitch_model, refiner_model=refiner_model, seed=seed)
    filtered = (postfilter_model or True) if postfilter else False
    settings = replace(settings, postfilter=filtered, share_doubt=share_doubt, filter=filter_.value)
    wishes = OutputSettings(called, start, duration, synth=synth, minus_one=minus_one)
    wishes = replace(_in_format(wishes, format_, bit_depth), practice=practice, notes=notes, page=page)
    wishes = replace(wishes, overwrite=overwrite, strict=strict)
    crew, screen = Crew(workers, scheduler), Screen(quiet=quiet, as_json=as_json)
    voices = len(called) if called else voices
    if not is_archive(crew, [*recordings, output]):
        _here([Path(one) for one in recordings], Path(output), f0, voices, settings, wishes, screen, guide)
    else:
        _archive(recordings, output, f0, voices, settings, wishes, screen, crew, guide)


def _here(
    recordings: Sequence[Path],
    output: Path,
    f0: Path | None,
    voices: int | None,
    settings: SeparatorSettings,
    wishes: OutputSettings,
    screen: "Screen",
    guide: "ScoreGuide | None",
) -> None:
    """One recording after the other, each with its table.

    Raises:
        typer.Exit: some of it failed.
    """
    from vocsep.commands.batch import say_what_failed

    several = len(recordings) > 1 or recordings[0].is_dir()
    jobs, failed = _jobs(recordings, output, f0, several, screen)
    done = _run(jobs, failed, voices, settings, wishes, screen, guide)
    if failed:
        if several:
            say_what_failed(screen, done, failed)
        raise typer.Exit(1)


def _archive(
    recordings: Sequence[str],
    output: str,
    f0: Path | None,
    voices: int | None,
    settings: SeparatorSettings,
    wishes: OutputSettings,
    screen: "Screen",
    crew: "Crew",
    guide: "ScoreGuide | None",
) -> None:
    """Many recordings, by several processes, with a manifest."""
    from vocsep.archive.works import Separating, absolute
    from vocsep.commands.archive import run_over
    from vocsep.separation.stem_files import further_files

    if guide:
        raise typer.BadParameter("--score: a score is of one recording; leave out --workers and --scheduler")
    if f0 and not f0.is_dir():
        raise typer.BadParameter(f"--f0 {f0}: an archive needs a folder with one <recording>.csv for each")
    further_files(wishes, Path(output))  # a package that lacks is named before any work
    work = Separating(absolute(settings), wishes, voices, f0.absolute() if f0 else None)
    run_over(recordings, output, work, crew, wishes.overwrite, screen)


def _jobs(
    recordings: Sequence[Path], output: Path, f0: Path | None, several: bool, screen: "Screen"
) -> "tuple[list[Job], list[Failure]]":
    """What is to be separated, and what was named and cannot be."""
    from vocsep.commands.batch import Job
    from vocsep.commands.inputs import find_recordings, stem_folders, track_files

    if output.exists() and not output.is_dir():
        raise typer.BadParameter(f"-o {output}: is a file, a folder is needed")
    found, failed = find_recordings(recordings, output, screen.warn)
    named = stem_folders(found, output)
    tracks = track_files(f0, [folder.name for folder in named], several)
    folders = named if several else [output] * len(found)
    return [Job(*job) for job in zip(found, folders, tracks, strict=True)], failed


def _run(
    jobs: "Sequence[Job]",
    failed: "list[Failure]",
    voices: int | None,
    settings: SeparatorSettings,
    wishes: OutputSettings,
    screen: "Screen",
    guide: "ScoreGuide | None",
) -> int:
    """Separate what there is and say what came of it; ``failed`` grows by what could not be separated.

    Returns:
        How many were done.
    """
    from vocsep.commands.batch import run_jobs, without_damaged_first

    for failure in failed:
        screen.error(failure.error)
    if jobs:
        jobs, damaged = without_damaged_first(jobs, wishes, screen)
        failed += damaged
    reports: list[FileReport] = []
    if jobs:
        from vocsep.memory import no_garbage_in_imports
        from vocsep.separation.stem_files import further_files

        with no_garbage_in_imports():
            from vocsep.separation.separator import Separator

        further_files(wishes, Path())  # a package that lacks is named before any work
        reports, failures = run_jobs(Separator(**vars(settings)), jobs, voices, wishes, screen, guide)
        failed += failures
    screen.document(
        {"files": [report.to_dict() for report in reports], "failed": [vars(one) for one in failed]}
    )
    return len(reports)


def _in_format(wishes: OutputSettings, format_: Format | None, bit_depth: BitDepth | None) -> OutputSettings:
    """The same in a format and a depth; a depth that the format cannot hold is refused before any work."""
    if format_ in (Format.mp3, Format.ogg) and bit_depth is not None:
        raise typer.BadParameter(f"--bit-depth {bit_depth.value}: {format_.value} has no bit depth")
    if format_ is Format.flac and bit_depth is BitDepth.float_:
        raise typer.BadParameter("--bit-depth float: flac holds 16 or 24 bits, wav and w64 hold float")
    if format_:
        wishes = replace(wishes, format=format_.value)
    return replace(wishes, bit_depth=bit_depth.for_writer) if bit_depth else wishes
