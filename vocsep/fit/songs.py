"""What a folder holds to learn from: mixtures, songs with stems, voices alone.

- An audio file is a mixture.
- A folder with a folder ``stems`` in it is a song. The audio files in and below ``stems`` are its stems, each
  one voice. Its mixture is the file beside ``stems``: the only one there, or the one called ``mix`` or
  ``mixture`` among several. Where there is none, the stems are added up.
- A song of one stem and no mixture is a voice alone.

The folder that is given is no stem folder whatever its name: only what lies below it may be one. Files that
`vocsep separate` wrote are passed over wherever they lie.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from vocsep.media.finding import find_audio
from vocsep.media.origin import STEM_FOLDER, is_separated

MIXTURES = ("mix", "mixture")  # names of the mixture, where several files lie beside the stems

Kind = Literal["mixture", "song", "voice alone"]


@dataclass(frozen=True)
class Song:
    """Something to learn from, as it lies in the folder.

    Attributes:
        path: the mixture's file; where there is none, the folder of the stems.
        mixture: None where the stems are to be added up.
        stems: each one voice, ordered by name; none for a mixture.
    """

    path: Path
    mixture: Path | None
    stems: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """For people: the file (with its folder, if it is called mix), or the folder that holds ``stems``."""
        folder = self.path.resolve().parent.name
        if self.mixture is None:
            return folder
        called_mix = self.stems and self.path.stem.casefold() in MIXTURES
        return f"{folder}/{self.path.name}" if called_mix else self.path.name

    @property
    def kind(self) -> Kind:
        if not self.stems:
            return "mixture"
        return "voice alone" if self.mixture is None and len(self.stems) == 1 else "song"


def find_songs(folder: Path) -> tuple[list[Song], list[str]]:
    """All that is in a folder and below it, ordered by path.

    Args:
        folder: where to look; a single file is a mixture.

    Returns:
        The songs, and one line for each folder of stems of which it cannot be told what it belongs to, or of
        which nothing is used because it was separated.

    Raises:
        AudioError: no such folder, or no audio file in it.
    """
    songs: dict[Path, Song] = {}
    stems: dict[Path, list[Path]] = {}
    found = find_audio([folder])
    separated = {path for path in found if is_separated(path)} if folder.is_dir() else set()
    for path in found:
        if path in separated:
            continue
        above = _stem_folder(folder, path)
        if above is None:
            songs[path] = Song(path, path)
        else:
            stems.setdefault(above, []).append(path)
    unclear = [
        f"{place}: {count} files were separated by vocsep"
        for place, count in sorted(Counter(path.parent for path in separated).items())
    ]
    for above, files in stems.items():
        beside = [path for path, song in songs.items() if song.mixture and path.parent == above.parent]
        called = [path for path in beside if path.stem.casefold() in MIXTURES]
        mixture = next(iter(called if len(beside) > 1 else beside), None)
        if mixture is not None:
            songs[mixture] = replace(songs[mixture], stems=tuple(files))
        elif beside:
            unclear.append(
                f"{above}: {len(beside)} recordings lie beside it; call the one that has these stems mix"
            )
        else:
            songs[above] = Song(above, None, tuple(files))
    return [songs[path] for path in sorted(songs)], unclear


def _stem_folder(folder: Path, path: Path) -> Path | None:
    """The topmost folder called ``stems`` between a folder and a file."""
    for above in reversed(path.parents):
        if above.name.casefold() == STEM_FOLDER and folder in above.parents:
            return above
    return None
