"""A folder of mixtures made ready to learn from: a 16 kHz copy and the F0 of each, found once and kept.

The cache is a hidden folder beside the output. Its names are digests of what decides their content: a renamed
recording is found again, a changed one or another pitch model is not, and two runs may share the folder:

- ``<audio>.npy``: the mono 16 kHz copy, float32, opened as a memory map (230 MB on disk an hour, next to
  nothing in memory);
- ``<audio>-<pitch>.csv``: its F0 tracks, which people may read too.

A recording that cannot be used is passed over, with one line that says why; an empty folder is an error.
"""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vocsep.audio import analysis_stream, find_audio, open_audio
from vocsep.errors import AudioError, F0Error, VocsepError, VoicesNotFound
from vocsep.excerpts import Track, excerpt_frames, usable_starts
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

CACHE_FOLDER = ".vocsep-cache"
CACHE_VERSION = 1  # raised when the same recording and pitch model would be cached differently

Tell = Callable[[str, float], None]  # the file in hand, and the share of the work that is done (0 to 1)


class PitchStage(Protocol):
    """What finds the F0 of a recording (`vocsep.pitch.estimate.PitchEstimator`)."""

    def estimate(
        self,
        audio: NDArray[np.float32],
        voices: int | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> F0Tracks:
        """F0 of ``(samples,)`` at 16 kHz; ``voices=None`` lets it decide how many sing."""
        ...


@dataclass(frozen=True)
class Recordings:
    """The recordings of a folder.

    Attributes:
        tracks: those that can be used, ordered by path.
        passed_over: one line for each that cannot, naming it and saying why.
    """

    tracks: tuple[Track, ...]
    passed_over: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Length of all that can be used."""
        return sum(len(track.audio) for track in self.tracks) / SAMPLE_RATE


def digest(path: Path) -> str:
    """Short name of a file's content."""
    state = hashlib.blake2b(digest_size=10)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def gather(
    folder: Path,
    cache: Path,
    pitch: Callable[[], PitchStage],
    pitch_key: str,
    *,
    voices: int | None = None,
    seconds: float = 4.0,
    progress: Tell | None = None,
) -> Recordings:
    """Find all audio files below a folder and make each ready.

    Args:
        folder: where to look; a single file will do too.
        cache: folder for the 16 kHz copies and the F0; made if needed.
        pitch: makes the pitch stage; called only if some F0 is not in the cache.
        pitch_key: names all that decides the F0 beside the audio and the number of voices.
        voices: in every recording; None = decided for each recording from what is heard.
        seconds: length of an excerpt; shorter recordings are passed over.
        progress: told about each file, and while its F0 is sought.

    Raises:
        AudioError: nothing there, or nothing that can be used.
    """
    files = find_audio([folder])
    make_cache(cache)
    reader = _Reader(cache, pitch, pitch_key, voices, excerpt_frames(seconds))
    tracks: list[Track] = []
    passed_over: list[str] = []
    for index, path in enumerate(files):

        def tell(share: float, name: str = path.name, before: int = index) -> None:
            if progress is not None:
                progress(name, (before + share) / len(files))

        tell(0.0)
        try:
            tracks.append(reader.read(path, tell))
        except (AudioError, VoicesNotFound) as error:
            reason = str(error)
            passed_over.append(reason if str(path) in reason else f"{path}: {reason}")
    if progress is not None:
        progress("", 1.0)
    if not tracks:
        raise AudioError(
            f"{folder}: none of its {len(files)} audio files can be used; the first: {passed_over[0]}"
        )
    return Recordings(tuple(tracks), tuple(passed_over))


def make_cache(cache: Path) -> None:
    """Make the cache folder.

    Raises:
        VocsepError: it cannot be made there.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VocsepError(f"{cache}: the cache cannot be made ({error.strerror})") from error


class _Reader:
    """Reads one recording after the other; the pitch network is loaded at the first that needs it."""

    def __init__(
        self, cache: Path, pitch: Callable[[], PitchStage], pitch_key: str, voices: int | None, frames: int
    ) -> None:
        self._cache, self._make_pitch, self._pitch_key = cache, pitch, pitch_key
        self._voices, self._frames = voices, frames
        self._pitch: PitchStage | None = None

    def read(self, path: Path, tell: Callable[[float], None]) -> Track:
        """One recording with its F0; ``tell`` hears the share of it that is done.

        Raises:
            AudioError: it cannot be used.
            VoicesNotFound: nobody sings.
        """
        try:
            name = digest(path)
        except OSError as error:
            raise AudioError(f"{path}: cannot be read ({error.strerror})") from error
        audio = self._audio(path, name)
        if len(audio) < self._frames * HOP:
            length, needed = len(audio) / SAMPLE_RATE, self._frames * HOP / SAMPLE_RATE
            raise AudioError(f"{path}: is {length:.1f} s long, an excerpt needs {needed:.1f} s")
        tracks = self._tracks(name, audio, tell)
        f0 = tracks.fitted(frame_count(len(audio))).as_input().numpy()
        track = Track(path.name, audio, f0)
        if not usable_starts(track, self._frames).any():
            raise AudioError(
                f"{path}: has no {self._frames * HOP / SAMPLE_RATE:.1f} s in which somebody sings"
            )
        return track

    def _audio(self, path: Path, name: str) -> NDArray[np.float32]:
        cached = self._cache / f"{name}-v{CACHE_VERSION}.npy"
        if not cached.is_file():
            with open_audio(path) as source:
                audio = analysis_stream(source)
            _save_array(cached, audio)
        try:
            mapped: NDArray[np.float32] = np.load(cached, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):  # damaged: only we write here, so it may be thrown away
            cached.unlink(missing_ok=True)
            return self._audio(path, name)
        return mapped

    def _tracks(self, name: str, audio: NDArray[np.float32], tell: Callable[[float], None]) -> F0Tracks:
        decided = hashlib.blake2b(f"{CACHE_VERSION} {self._pitch_key} {self._voices}".encode(), digest_size=6)
        cached = self._cache / f"{name}-{decided.hexdigest()}.csv"
        if cached.is_file():
            try:
                return F0Tracks.read_csv(cached, voices=self._voices)
            except F0Error:
                cached.unlink(missing_ok=True)
        if self._pitch is None:
            self._pitch = self._make_pitch()
        # A copy, because torch warns about memory that it may not write to.
        tracks = self._pitch.estimate(np.array(audio), self._voices, tell)
        tracks.write_csv(cached)
        return tracks


def _save_array(path: Path, array: NDArray[np.float32]) -> None:
    staged = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with staged.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        staged.replace(path)
    except OSError as error:
        raise VocsepError(f"{path}: the cache cannot be written ({error.strerror})") from error
    finally:
        staged.unlink(missing_ok=True)
