"""A folder made ready to learn from: mixtures, songs with stems and voices alone, found once and kept.

What is a mixture and what a stem: `vocsep.fit.songs`; how a song is read: `vocsep.fit.song_reader`; what is
kept: `vocsep.fit.analysis_cache`. What cannot be used is passed over, with one line that says why; an empty
folder is an error.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vocsep.errors import AudioError, SettingsError, VocsepError, VoicesNotFound
from vocsep.fit.analysis_cache import CACHE_FOLDER, AnalysisCache, PitchStage, digest
from vocsep.fit.song_reader import SongReader, Taken
from vocsep.fit.songs import Song, find_songs
from vocsep.spectra import SAMPLE_RATE
from vocsep.training.excerpts import Supervision, Track, excerpt_frames
from vocsep.training.processes import ALONE, Processes

__all__ = ["CACHE_FOLDER", "PitchStage", "Recordings", "Taken", "digest", "gather"]

Tell = Callable[[str, float], None]  # the file in hand, and the share of the work that is done (0 to 1)


@dataclass(frozen=True)
class Recordings:
    """The recordings of a folder.

    Attributes:
        tracks: those that can be used, ordered by path.
        passed_over: one line for each recording or stem that cannot, naming it and saying why.
        taken: what each of the tracks was taken for.
    """

    tracks: tuple[Track, ...]
    passed_over: tuple[str, ...]
    taken: tuple[Taken, ...]

    @property
    def seconds(self) -> float:
        """Length of all that can be used."""
        return sum(len(track.audio) for track in self.tracks) / SAMPLE_RATE

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the voices of which a stem is at hand, in alphabetical order."""
        named = [zip(track.given, track.names or (), strict=False) for track in self.tracks]
        return tuple(sorted({name for pairs in named for given, name in pairs if given and name}))


def gather(
    folder: Path,
    cache: Path,
    pitch: Callable[[], PitchStage],
    pitch_key: str,
    *,
    voices: int | None = None,
    seconds: float = 4.0,
    supervision: Supervision = "partly",
    names: Sequence[str] | None = None,
    progress: Tell | None = None,
    processes: Processes = ALONE,
) -> Recordings:
    """Find all audio files below a folder and make each recording ready.

    Args:
        folder: where to look; a single file will do too.
        cache: folder for the 16 kHz copies and the F0; made if needed.
        pitch: makes the pitch stage; called only if some F0 is not in the cache.
        pitch_key: names all that decides the F0 beside the audio and the number of voices.
        voices: in every mixture; None = decided for each from what is heard. Where stems are added up there
            are as many voices as stems.
        seconds: length of an excerpt; shorter recordings are passed over.
        supervision: ``partly`` uses the stems that are at hand, ``none`` ignores them (and voices alone),
            ``full`` passes over mixtures that have none.
        names: of the voices, the highest first; None: soprano, alto, tenor, bass are known.
        progress: told about each recording, and while its F0 is sought.
        processes: that learn together; each listens to its share, and then all find what is kept.

    Raises:
        AudioError: nothing there, or nothing that can be used.
        SettingsError: stems are needed and there are none.
    """
    songs, unclear = processes.after_leader(lambda: find_songs(folder))
    reader = SongReader(
        AnalysisCache(cache, pitch, pitch_key),
        voices,
        excerpt_frames(seconds),
        names,
        stems=supervision != "none",
    )
    tell = progress or (lambda name, share: None)
    if processes.size > 1:
        _read_all(reader, songs[processes.rank :: processes.size], supervision, tell)
        processes.total([0.0])  # all have heard their share

    def read() -> Recordings:
        found, passed_over = _read_all(reader, songs, supervision, tell)
        passed_over += unclear
        if not found:
            raise _nothing(folder, len(songs), passed_over[0], supervision)
        tracks, taken = zip(*found, strict=True)
        return Recordings(tracks, tuple(passed_over), taken)

    return processes.after_leader(read)


def _read_all(
    reader: SongReader, songs: Sequence[Song], supervision: Supervision, tell: Tell
) -> tuple[list[tuple[Track, Taken]], list[str]]:
    """The songs that can be used, and one line for each recording or stem that cannot."""
    passed_over: list[str] = []
    found: list[tuple[Track, Taken]] = []
    for index, song in enumerate(songs):

        def told(share: float, name: str = song.name, before: int = index) -> None:
            tell(name, (before + share) / len(songs))

        told(0.0)
        try:
            found.append(_read(reader, song, supervision, told))
        except (AudioError, VoicesNotFound) as error:
            reason = str(error)
            passed_over.append(reason if str(song.path) in reason else f"{song.path}: {reason}")
        passed_over += reader.passed_over
        reader.passed_over.clear()
    tell("", 1.0)
    return found, passed_over


def _nothing(folder: Path, songs: int, first: str, supervision: Supervision) -> VocsepError:
    """What to say of a folder in which nothing can be used; ``first`` is why its first recording cannot."""
    if supervision == "full":
        return SettingsError(f"supervised: {folder} has no stems that can be used; the first: {first}")
    if not songs:
        return AudioError(f"{folder}: holds nothing to learn from: {first}")
    return AudioError(f"{folder}: none of its {songs} audio files can be used; the first: {first}")


def _read(
    reader: SongReader, song: Song, supervision: Supervision, tell: Callable[[float], None]
) -> tuple[Track, Taken]:
    """A song as far as the kind of supervision has a use for it.

    Raises:
        AudioError: it has none, or the song cannot be read.
        VoicesNotFound: nobody sings.
    """
    if supervision == "none" and song.kind == "voice alone":
        raise AudioError(f"{song.path}: is a voice alone, no mixture")
    if supervision == "full" and not song.stems:
        raise AudioError(f"{song.path}: has no stems (they belong in a folder stems/ beside it)")
    track, taken = reader.read(song, tell)
    if supervision == "full" and track.sources is None:
        raise AudioError(f"{song.path}: none of its stems can be used")
    return track, taken
