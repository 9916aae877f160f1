"""What reading a folder costs is paid once: 16 kHz copies and F0 tracks, kept in a hidden folder.

Names are digests of what decides the content: a renamed recording is found again, a changed one or another
pitch model is not, and two runs may share the folder:

- ``<audio>.npy``: a mono 16 kHz copy (or several added up, or one made louder), float32, opened as a memory
  map (230 MB on disk an hour, next to nothing in memory);
- ``<audio>-<pitch>.csv``: its F0 tracks, which people may read too.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import AudioError, F0Error, VocsepError
from vocsep.media.reading import analysis_stream, open_audio
from vocsep.media.staging import written_beside
from vocsep.pitch.alternatives import surely_sung
from vocsep.pitch.tracks import F0Tracks

CACHE_FOLDER = ".vocsep-cache"
CACHE_VERSION = 2  # raised when the same recording and pitch model would be cached differently

Audio = NDArray[np.float32]


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


def digest(path: Path) -> str:
    """Short name of a file's content."""
    state = hashlib.blake2b(digest_size=10)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    return state.hexdigest()


class AnalysisCache:
    """16 kHz copies and F0 of recordings; the pitch network is loaded at the first that needs it.

    Args:
        folder: where they are kept; made if needed.
        pitch: makes the pitch stage; called only if some F0 is not in the cache.
        pitch_key: names all that decides the F0 beside the audio and the number of voices.

    Raises:
        VocsepError: the folder cannot be made there.
    """

    def __init__(self, folder: Path, pitch: Callable[[], PitchStage], pitch_key: str) -> None:
        self._folder, self._make_pitch, self._pitch_key = folder, pitch, pitch_key
        self._pitch: PitchStage | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VocsepError(f"{folder}: the cache cannot be made ({error.strerror})") from error

    def name(self, path: Path) -> str:
        """What a file is called here.

        Raises:
            AudioError: it cannot be read.
        """
        try:
            return digest(path)
        except OSError as error:
            raise AudioError(f"{path}: cannot be read ({error.strerror})") from error

    def audio(self, path: Path, name: str) -> Audio:
        """Mono copy at 16 kHz, ``(samples,)``, a memory map.

        Raises:
            AudioError: damaged, silent or not a recording.
        """

        def read() -> Audio:
            with open_audio(path) as source:
                return analysis_stream(source)

        return self._kept(name, read)

    def mixed(self, stems: Sequence[Audio], names: Sequence[str]) -> tuple[Audio, str]:
        """The sum of copies, as long as the longest, and what it is called here."""
        together = _joined("sum", *names)

        def add() -> Audio:
            total = np.zeros(max(map(len, stems)), dtype=np.float32)
            for stem in stems:
                total[: len(stem)] += stem
            return total

        return self._kept(together, add), together

    def scaled(self, stem: Audio, name: str, gain: float) -> Audio:
        """A copy made louder or softer."""
        return self._kept(_joined(f"{gain:.4g}", name), lambda: np.asarray(stem * np.float32(gain)))

    def tracks(self, audio: Audio, name: str, voices: int | None, tell: Callable[[float], None]) -> F0Tracks:
        """F0 of a copy; ``tell`` hears the share that is done.

        Raises:
            VoicesNotFound: nobody sings.
        """
        decided = hashlib.blake2b(f"{CACHE_VERSION} {self._pitch_key} {voices}".encode(), digest_size=6)
        cached = self._folder / f"{name}-{decided.hexdigest()}.csv"
        if cached.is_file():
            try:
                return F0Tracks.read_csv(cached, voices=voices)
            except F0Error:
                cached.unlink(missing_ok=True)
        if self._pitch is None:
            self._pitch = self._make_pitch()
        # A copy, because torch warns about memory that it may not write to.
        tracks = surely_sung(self._pitch.estimate(np.array(audio), voices, tell))
        tracks.write_csv(cached)
        return tracks

    def _kept(self, name: str, make: Callable[[], Audio]) -> Audio:
        cached = self._folder / f"{name}-v{CACHE_VERSION}.npy"
        if not cached.is_file():
            _save_array(cached, make())
        try:
            mapped: Audio = np.load(cached, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):  # damaged: only we write here, so it may be thrown away
            cached.unlink(missing_ok=True)
            return self._kept(name, make)
        return mapped


def _joined(*names: str) -> str:
    return hashlib.blake2b(" ".join(names).encode(), digest_size=10).hexdigest()


def _save_array(path: Path, array: Audio) -> None:
    try:
        with written_beside(path) as staged, staged.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    except OSError as error:
        raise VocsepError(f"{path}: the cache cannot be written ({error.strerror})") from error
