"""Which recordings a command line means, and into which folder each one's stems go."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from vocsep.errors import AudioError, VocsepError
from vocsep.media.names import folded, is_file_name


@dataclass(frozen=True)
class Failure:
    """A recording that could not be done, and why in one line."""

    input: Path
    error: str


def find_recordings(
    paths: Sequence[Path], output: Path, remark: Callable[[str], None] = lambda line: None
) -> tuple[list[Path], list[Failure]]:
    """Files as given, and all audio files below folders, each once.

    In folders, stems of an earlier run are no new input: what lies in ``output``, and what says that it was
    separated, of which ``remark`` is told.
    """
    from vocsep.media.finding import find_audio
    from vocsep.media.origin import is_separated

    found: dict[Path, Path] = {}
    failed, stems = [], []
    for path in paths:
        if not path.is_dir():
            found.setdefault(path.resolve(), path)
            continue
        try:
            below = [
                file for file in find_audio([path]) if not file.resolve().is_relative_to(output.resolve())
            ]
        except AudioError as error:
            failed.append(Failure(path, str(error)))
            continue
        separated = {file for file in below if is_separated(file)}
        stems += sorted(separated)
        if not below:
            failed.append(Failure(path, f"{path}: holds no audio besides the stems in {output}"))
        elif len(separated) == len(below):
            failed.append(Failure(path, f"{path}: holds no audio besides stems that vocsep separated"))
        for file in below:
            if file not in separated:
                found.setdefault(file.resolve(), file)
    if stems:
        called = ", ".join(map(str, stems[:3])) + (" ..." if len(stems) > 3 else "")
        remark(f"passed over, because vocsep separated it earlier: {called} ({len(stems)} in all)")
    return list(found.values()), failed


def stem_folders(recordings: Sequence[Path], output: Path) -> list[Path]:
    """A folder for each recording below ``output``, named for it; no two alike, on any file system."""
    from vocsep.archive.labels import labels

    return [output / label for label in labels([recording.resolve() for recording in recordings])]


def read_names(text: str | None, voices: int | None, option: str = "--names") -> list[str] | None:
    """Names of the voices from ``soprano,alto,...``, checked: they become file names.

    Raises:
        typer.BadParameter: a name that is empty, given twice or no file name, or another count than ``-n``.
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not name:
            raise typer.BadParameter(f"{option} {text!r} holds an empty name")
        if not is_file_name(name):
            raise typer.BadParameter(f"{option}: {name!r} cannot be the name of a file")
    twice = [name for name, count in Counter(folded(name) for name in names).items() if count > 1]
    if twice:
        raise typer.BadParameter(f"{option}: {twice[0]!r} is given more than once")
    if voices is not None and len(names) != voices:
        raise typer.BadParameter(f"{option} holds {len(names)} names, but -n is {voices}")
    return names


def track_files(f0: Path | None, labels: Sequence[str], several: bool) -> list[Path | None]:
    """The F0 file of each recording: one file for one recording, ``<f0>/<label>.csv`` for several.

    Args:
        f0: what ``--f0`` names.
        labels: name of each recording, told apart as the stem folders are.
        several: whether the command line may mean more than one recording.

    Raises:
        typer.BadParameter: one file is given for several recordings.
    """
    if f0 is None:
        return [None] * len(labels)
    if f0.is_dir():
        there = {folded(path.name): path for path in f0.iterdir()}  # accents may be written in two ways
        return [there.get(folded(f"{label}.csv"), f0 / f"{label}.csv") for label in labels]
    if several:
        raise typer.BadParameter(
            f"--f0 {f0}: several recordings need a folder with one <recording>.csv for each"
        )
    return [f0] * len(labels)


def about(recording: Path, error: VocsepError) -> str:
    """The error in one line that names the recording, whether or not whoever raised it knew the name."""
    return str(error) if recording.name in str(error) else f"{recording}: {error}"


def check_picture(plot: Path | None) -> None:
    """Refuse a picture that cannot be written, before any work.

    Raises:
        typer.BadParameter: an unknown suffix.
        DependencyError: matplotlib is not installed.
    """
    from vocsep.pictures.files import PICTURES, require_matplotlib

    if plot is None:
        return
    if plot.suffix.lower() not in PICTURES:
        raise typer.BadParameter(f"--plot {plot}: the ending must be one of {', '.join(PICTURES)}")
    require_matplotlib(plot)


def refuse_existing(targets: Sequence[Path | None], overwrite: bool, *inputs: Path) -> None:
    """Before any work: no file is replaced unasked, none ever that is read, and its folder must be there.

    Raises:
        VocsepError: a target exists, is an input, or lies in no folder.
    """
    for target in targets:
        if target is None:
            continue
        if target.resolve() in [path.resolve() for path in inputs]:
            raise VocsepError(f"{target}: is the input, and would be replaced")
        if target.is_dir():
            raise VocsepError(f"{target}: is a folder, the name of a file is needed")
        if target.exists() and not overwrite:
            raise VocsepError(f"{target}: is already there (-y replaces it)")
        if not target.parent.is_dir():
            raise VocsepError(f"{target}: there is no folder {target.parent}")
