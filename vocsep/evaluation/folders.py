"""Which files of a folder are the stems of which song."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vocsep.errors import AudioError
from vocsep.media.decode import ANY_FORMAT
from vocsep.media.names import folded
from vocsep.media.origin import STEM_FOLDER


@dataclass(frozen=True)
class SongStems:
    """The stems of one song: file by name of the voice, sorted by file name."""

    name: str
    stems: dict[str, Path]


def find_stems(folder: Path) -> dict[str, SongStems]:
    """Songs in a folder of stems (one song), or in a folder of such folders, by name.

    The stems of a song may also lie in its subfolder ``stems``.

    Raises:
        AudioError: no such folder, no audio in it, or two files of one name.
    """
    if not folder.is_dir():
        problem = "is a file, a folder of stems is needed" if folder.exists() else "no such folder"
        raise AudioError(f"{folder}: {problem}")
    alone = _song(folder)
    if alone is not None:
        return {alone.name: alone}
    below = (_song(one) for one in sorted(folder.iterdir()) if one.is_dir() and not one.name.startswith("."))
    songs = {song.name: song for song in below if song is not None}
    if not songs:
        raise AudioError(f"{folder}: holds no audio files, and no folders of audio files")
    return songs


def match_stems(
    references: dict[str, SongStems], estimates: dict[str, SongStems], folder: Path
) -> dict[str, SongStems]:
    """The estimates' song for each of the references' songs, by name, or by being the only one of both.

    Raises:
        AudioError: a song is missing.
    """
    if len(references) == len(estimates) == 1:
        return dict(zip(references, estimates.values(), strict=True))
    known = {folded(name): song for name, song in estimates.items()}
    missing = [name for name in references if folded(name) not in known]
    if missing:
        raise AudioError(
            f"{folder}: lacks {_listed(missing)}; songs are matched by the names of their folders, "
            f"and here are {_listed(list(estimates))}"
        )
    return {name: known[folded(name)] for name in references}


def _song(folder: Path) -> SongStems | None:
    """The stems in the subfolder ``stems``, beside which the mixture may lie, else those in the folder."""
    files = (_audio_in(folder / STEM_FOLDER) if (folder / STEM_FOLDER).is_dir() else []) or _audio_in(folder)
    if not files:
        return None
    stems: dict[str, Path] = {}
    for path in files:
        if path.stem in stems:
            raise AudioError(
                f"{path}: there is {stems[path.stem].name} too, and it is not clear which counts"
            )
        stems[path.stem] = path
    whole = folder.resolve()
    return SongStems(whole.parent.name if whole.name == STEM_FOLDER else whole.name, stems)


def _audio_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in ANY_FORMAT and path.is_file() and not path.name.startswith(".")
    )


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
