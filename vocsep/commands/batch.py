"""Several recordings, one after another: what fails is said and noted, and the next one follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vocsep.commands.inputs import Failure, about
from vocsep.commands.screen import ProgressCallback, Screen, describe
from vocsep.commands.tables import stem_table
from vocsep.errors import AudioError, VocsepError, VoicesNotFound, debugging
from vocsep.media.names import folded
from vocsep.pitch.settings import MOST_VOICES
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.settings import OutputSettings

if TYPE_CHECKING:
    from vocsep.separation.results import FileReport
    from vocsep.separation.separator import Separator
    from vocsep.transcription.score_guide import ScoreGuide


@dataclass(frozen=True)
class Job:
    """One recording, the folder of its stems, and the F0 file to use instead of an estimate."""

    recording: Path
    folder: Path
    tracks: Path | None


def run_jobs(
    separator: "Separator",
    jobs: Sequence[Job],
    voices: int | None,
    wishes: OutputSettings,
    screen: Screen,
    guide: "ScoreGuide | None" = None,
) -> tuple[list["FileReport"], list[Failure]]:
    """Separate every recording.

    Args:
        separator: the loaded models.
        jobs: what to separate, and where the stems go.
        voices: how many sing; None: decided from each recording.
        wishes: what is written.
        screen: where progress and results are shown.
        guide: a score that the voices follow.
    """
    reports, failed = [], []
    for number, job in enumerate(jobs, start=1):
        title = job.recording.name if len(jobs) == 1 else f"[{number}/{len(jobs)}] {job.recording.name}"
        try:
            with screen.progress(title) as progress:
                report = _separate_one(separator, job, voices, wishes, progress, guide)
        except Exception as error:
            if debugging() and not isinstance(error, VocsepError):
                raise
            line = about(job.recording, error) if isinstance(error, VoicesNotFound) else describe(error)
            failed.append(Failure(job.recording, line))
            screen.error(failed[-1].error)
        else:
            reports.append(report)
            show_report(screen, report)
    return reports, failed


def without_damaged_first(
    jobs: Sequence[Job], wishes: OutputSettings, screen: Screen
) -> tuple[Sequence[Job], list[Failure]]:
    """Jobs without the first one if its recording cannot be read: that is said before models are loaded.

    Later ones have their turn when the models are there; what comes through a pipe, or by ffmpeg, is not
    read twice.
    """
    from vocsep.media.decode import BY_SOUNDFILE
    from vocsep.media.pipes import is_pipe
    from vocsep.media.reading import BLOCK, open_audio

    first = jobs[0].recording
    if is_pipe(first) or first.suffix.lower() not in BY_SOUNDFILE.split():
        return jobs, []
    try:
        with open_audio(first, wishes.strict) as source:
            begin, samples = source.span(wishes.start, wishes.duration)
            source.read(begin, min(samples, BLOCK))
    except AudioError as error:
        screen.error(str(error))
        return jobs[1:], [Failure(first, str(error))]
    return jobs, []


def _separate_one(
    separator: "Separator",
    job: Job,
    voices: int | None,
    wishes: OutputSettings,
    progress: ProgressCallback,
    guide: "ScoreGuide | None",
) -> "FileReport":
    tracks = F0Tracks.read_csv(job.tracks, voices, wishes.names) if job.tracks else None
    if wishes.overwrite:
        _refuse_to_replace_itself(job, wishes.names or (tracks.names if tracks else None))
    count = tracks.voices if tracks else voices
    return separator.separate_file(
        job.recording, job.folder, count, tracks=tracks, guide=guide, progress=progress, **vars(wishes)
    )


def _refuse_to_replace_itself(job: Job, names: Sequence[str] | None) -> None:
    """With ``-y`` a stem could take the place of the recording that it comes from; no one asks for that."""
    own = folded(job.recording.stem)
    stems = (
        [folded(name) for name in names]
        if names
        else [f"voice_{voice}" for voice in range(1, MOST_VOICES + 1)]
    )
    if job.recording.resolve().parent == job.folder.resolve() and any(stem in own for stem in stems):
        raise AudioError(
            f"{job.recording}: a stem could replace it; choose another folder than {job.folder} with -o"
        )


def show_report(screen: Screen, report: "FileReport") -> None:
    """The stems of one recording, what was noted on the way, and how long it took."""
    screen.line(f"{report.input}", style="bold")
    screen.show(stem_table(report.statistics, report.stems, report.confidence))
    for path in report.extra:
        screen.line(f"also {path}{_size(path, report.seconds_of_audio)}")
    for path in report.removed:
        screen.line(f"removed {path}, a stem of an earlier run on this recording")
    took = sum(report.elapsed.values())
    speed = (
        f", {report.seconds_of_audio / took:.1f} times faster than it lasts"
        if 0 < took < report.seconds_of_audio
        else ""
    )
    channels = {1: "mono", 2: "stereo"}.get(report.channels, f"{report.channels} channels")
    screen.line(
        f"{report.voices} voices, {report.seconds_of_audio:.1f} s, {report.sample_rate} Hz, {channels}; "
        f"took {took:.1f} s{speed}",
        style="dim",
    )
    if report.gain_db:
        screen.warn(
            f"the stems would clip, so all of them were changed by {report.gain_db:.2f} dB together; "
            "--bit-depth float keeps the level"
        )
    for warning in report.warnings:
        screen.warn(warning)


def _size(path: Path, seconds: float) -> str:
    """What a page takes in a mail; nothing of other files."""
    if path.suffix != ".html":
        return ""
    size = path.stat().st_size / 1e6
    return f": {size:.1f} MB, {60 * size / seconds:.2f} MB a minute, opens in any browser"


def say_what_failed(screen: Screen, done: int, failed: Sequence[Failure]) -> None:
    """The summary of a run in which not all went well."""
    screen.error(
        f"{done} of {done + len(failed)} done; failed: {', '.join(str(one.input) for one in failed)}"
    )
