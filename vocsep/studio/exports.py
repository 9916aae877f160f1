"""What can be taken out of a project, and taking it out: pitches, notes, stems, mixes."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vocsep.errors import DependencyError, SettingsError
from vocsep.media.leftovers import temporary_folder
from vocsep.media.origin import SEPARATED
from vocsep.media.reading import open_audio
from vocsep.media.writing import StemWriter, default_format
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.further import PageFile, Written
from vocsep.separation.practice import PracticeMixes
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.studio.project import Project
from vocsep.transcription.track_files import write_tracks

FOLDER = "exports"  # of the project
BLOCK = 1 << 16  # samples
F0 = "f0-"


@dataclass(frozen=True)
class Kind:
    """One entry of the menu: its name, its file's ending, and the package and the extra that it needs."""

    label: str
    ending: str = ""
    package: str = ""
    extra: str = ""

    @property
    def lacks(self) -> str | None:
        """What to install first; None where nothing lacks."""
        if not self.package or find_spec(self.package) is not None:
            return None
        return f"needs {self.package}: pip install 'vocsep[{self.extra}]'"


KINDS = {
    "f0-csv": Kind("Pitches (CSV)", ".csv"),
    "f0-json": Kind("Pitches (JSON)", ".json"),
    "f0-mirex": Kind("Pitches (MIREX)", ".txt"),
    "midi": Kind("Notes (MIDI)", ".mid", "mido", "midi"),
    "musicxml": Kind("Notes (MusicXML)", ".musicxml", "music21", "score"),
    "svl": Kind("Sonic Visualiser layers", ".svl"),
    "tony": Kind("Tony (pitches and notes)", ".csv"),
    "pitchtier": Kind("Praat PitchTier", ".PitchTier"),
    "audacity": Kind("Audacity labels", ".txt"),
    "jams": Kind("Notes and pitches (JAMS)", ".jams"),
    "stems": Kind("Stems"),
    "minus-one": Kind("The recording without each voice"),
    "practice": Kind("Practice mixes"),
    "page": Kind("A page for the choir (HTML)", ".html"),
}
# What is made of stems, and the endings of those that are mixes.
OF_STEMS = {"stems": (), "minus-one": ("minus",), "practice": ("practice", "left"), "page": ()}


def menu() -> list[dict[str, str | None]]:
    """All kinds of export; ``lacks`` says what to install first."""
    return [{"id": name, "label": kind.label, "lacks": kind.lacks} for name, kind in KINDS.items()]


def check(ids: Sequence[str], options: dict[str, Any]) -> None:
    """Refuse, before any work, what cannot be exported.

    Raises:
        SettingsError: an unknown kind, format or passage. DependencyError: a package lacks.
    """
    if not ids:
        raise SettingsError("export: nothing is chosen")
    for name in ids:
        if name not in KINDS:
            raise SettingsError(f"export: {name!r} is not one of {', '.join(KINDS)}")
        if KINDS[name].lacks:
            raise DependencyError(f"{KINDS[name].label}: {KINDS[name].lacks}")
    if options.get("format") not in (None, "wav", "flac", "mp3", "ogg"):
        raise SettingsError(f"format: {options['format']!r} is none of wav, flac, mp3, ogg")
    for bound in ("start", "end"):
        value = options.get(bound)
        known = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (known and 0 <= value < math.inf):
            raise SettingsError(f"{bound}: {value!r} is no time in seconds")


def export(
    project: Project, ids: Sequence[str], options: dict[str, Any], progress: Callable[[float], None]
) -> list[str]:
    """Write into the project's folder of exports; what is there by the same name is replaced.

    Args:
        project: what is exported.
        ids: of `KINDS`.
        options: ``format`` of sound, ``start`` and ``end`` in s.
        progress: told the share done, 0 to 1.

    Returns:
        The names of the files.

    Raises:
        AudioError: a file cannot be written.
    """
    check(ids, options)
    folder = project.folder / FOLDER
    folder.mkdir(exist_ok=True)
    with temporary_folder(folder) as work:
        made: list[Path] = []
        sound = [name for name in ids if name in OF_STEMS]
        for index, name in enumerate(name for name in ids if name not in OF_STEMS):
            made += _of_pitches(project, name, work, options)
            progress((index + 1) / len(ids))
        if sound:
            made += _of_sound(project, sound, work, options)
        for path in made:
            path.replace(folder / path.name)
    return [path.name for path in made]


def _of_pitches(project: Project, name: str, work: Path, options: dict[str, Any]) -> list[Path]:
    tracks, start = _excerpt(project.with_alternatives, options)
    called = f"{project.folder.name}_pitches" if name.startswith(F0) else project.folder.name
    return write_tracks(tracks, work / f"{called}{KINDS[name].ending}", name.removeprefix(F0), start)


def _excerpt(tracks: F0Tracks, options: dict[str, Any]) -> tuple[F0Tracks, float]:
    """The tracks between ``start`` and ``end``, and the time of their first frame in s."""
    first, last = _bounds(options, SAMPLE_RATE / HOP, tracks.frames)
    return tracks.slice(first, last), first * HOP / SAMPLE_RATE


def _of_sound(project: Project, kinds: Sequence[str], work: Path, options: dict[str, Any]) -> list[Path]:
    format, depth = default_format(project.info, options.get("format"))
    stems = [work / f"{name}.{format}" for name in project.file.voices]
    rate, channels = project.info.sample_rate, project.info.channels
    with StemWriter(stems, rate, channels, format, depth, comment=SEPARATED) as writer:
        for blocks in _blocks(project, options):
            writer.write(blocks)
    made = [*stems] if "stems" in kinds else []
    tracks, start = _excerpt(project.with_alternatives, options)
    written = Written(stems, tracks, start, depth, False, project.sure[:, int(start) :])
    wanted = {f"_{ending}" for kind in kinds for ending in OF_STEMS[kind]}
    if wanted:
        mixes = PracticeMixes(minus="minus-one" in kinds).write(written)
        made += [path for path in mixes if any(path.stem.endswith(ending) for ending in wanted)]
    if "page" in kinds:
        made += PageFile(project.folder.name).write(written)
    return made


def _blocks(project: Project, options: dict[str, Any]) -> Iterator[list[Any]]:
    """All stems between ``start`` and ``end``, block by block."""
    with ExitStack() as stack:
        sources = [stack.enter_context(open_audio(stem)) for stem in project.stems]
        rate, samples = sources[0].info.sample_rate, sources[0].info.samples
        first, last = _bounds(options, rate, samples)
        for position in range(first, last, BLOCK):
            yield [source.read(position, min(BLOCK, last - position)) for source in sources]


def _bounds(options: dict[str, Any], rate: float, count: int) -> tuple[int, int]:
    """First sample or frame of the passage, and the one after its last."""
    start, end = options.get("start") or 0.0, options.get("end")
    first, last = round(start * rate), count if end is None else min(round(end * rate), count)
    if first >= last:
        raise SettingsError("export: the passage holds nothing of the recording")
    return first, last
