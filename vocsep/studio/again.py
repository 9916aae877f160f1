"""Passages separated again with F0 that were corrected, and put into the stems that are there.

A passage is separated with some seconds of the recording on either side, heard a little beyond what changed,
and faded into the old stems at both ends. Old stems and new ones add up to the recording, so what they are
faded into does, too. The stems are copies beside the old ones until all of them are whole.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from vocsep.errors import AudioError
from vocsep.media.origin import SEPARATED
from vocsep.media.reading import BLOCK, SILENT, AudioSource, analysis_stream
from vocsep.media.staging import all_written_beside
from vocsep.pitch.alternatives import EstimatedTracks
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.chunk_stems import Audio, OverlapAdd, Recording
from vocsep.separation.separator import Separator
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count
from vocsep.studio.passages import FADE, Passage

Piece = tuple[int, Audio]  # first sample in the recording, (voices, samples, channels)


class AgainSeparated:
    """A passage, separated once more; iterate over it to get its stems, piece by piece.

    Args:
        separator: the loaded models.
        source: the recording, open.
        tracks: F0 of all of it, as they are now.
        passage: where.
        progress: told the share done, 0 to 1.

    Attributes:
        sure: ``(voices, seconds)`` from ``passage.begin`` on, once all pieces have come.
    """

    def __init__(
        self,
        separator: Separator,
        source: AudioSource,
        tracks: EstimatedTracks,
        passage: Passage,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        self._separator, self._source, self._tracks = separator, source, tracks
        self._passage, self._progress = passage, progress
        self.sure: NDArray[np.float32] = np.zeros((tracks.voices, 0), np.float32)

    def __iter__(self) -> Iterator[Piece]:
        source, passage, separator = self._source, self._passage, self._separator
        rate = source.info.sample_rate
        first = passage.begin * rate
        samples = min(round(passage.end * rate), source.info.samples) - first
        if _peak(source, first, samples) < SILENT:
            return  # what was silence in the stems stays so, whatever its F0
        analysis = analysis_stream(source, start=passage.begin, duration=samples / rate)
        tracks = _part(self._tracks, passage.begin * SAMPLE_RATE // HOP, frame_count(len(analysis)))

        def read(position: int, count: int) -> Audio:
            return source.read(first + position, count)

        recording = Recording(read, samples, rate, analysis, passage.begin * SAMPLE_RATE)
        chunks = separator.chunks(recording, tracks, self._progress)
        overlap = OverlapAdd(rate)
        for separated in chunks:
            position = first + separated.chunk.first * rate
            yield position, overlap.join(separated.stems, separated.chunk)
        self.sure = chunks.confidence()


def _peak(source: AudioSource, first: int, samples: int) -> float:
    blocks = range(first, first + samples, BLOCK)
    return max(float(np.abs(source.read(at, min(BLOCK, first + samples - at))).max()) for at in blocks)


def _part(tracks: EstimatedTracks, first: int, frames: int) -> EstimatedTracks:
    own, alternative = (t.slice(first, first + frames).fitted(frames) for t in (tracks, tracks.alternative))
    return EstimatedTracks(own.frequencies, alternative, names=tracks.names)


def splice(stems: Sequence[Path], passages: Sequence[tuple[Passage, AgainSeparated]]) -> None:
    """Put passages into stems; none of these is replaced before all are whole.

    Args:
        stems: float files, one for each voice.
        passages: what is heard where, in order of time; what is heard overlaps nowhere.

    Raises:
        AudioError: a stem cannot be read or written.
    """
    try:
        with all_written_beside(stems) as staged, ExitStack() as stack:
            old = [stack.enter_context(soundfile.SoundFile(stem)) for stem in stems]
            copies = _Copies(
                old, [stack.enter_context(_like(file, to)) for file, to in zip(old, staged, strict=True)]
            )
            for passage, separated in passages:
                for first, block in separated:
                    copies.patch(passage, first, block)
            copies.copy_to(old[0].frames)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(f"{stems[0].parent}: the stems cannot be changed ({error})") from None


def _like(file: soundfile.SoundFile, target: Path) -> soundfile.SoundFile:
    copy = soundfile.SoundFile(target, "w", file.samplerate, file.channels, file.subtype, format=file.format)
    copy.comment = SEPARATED
    return copy


class _Copies:
    """Stems on their way into their copies, all at the same sample."""

    def __init__(self, old: Sequence[soundfile.SoundFile], new: Sequence[soundfile.SoundFile]) -> None:
        self._old, self._new = old, new
        self._rate, self._samples = old[0].samplerate, old[0].frames

    def copy_to(self, sample: int) -> None:
        """Copy what lies before a sample as it is."""
        for old, new in zip(self._old, self._new, strict=True):
            while (count := min(sample - old.tell(), BLOCK)) > 0:
                new.write(old.read(count, dtype="float32"))

    def patch(self, passage: Passage, first: int, block: Audio) -> None:
        """Copy what lies before a piece of a passage, and write what is heard of the piece."""
        low, high = round(passage.first * self._rate), min(round(passage.last * self._rate), self._samples)
        begin, end = max(first, low), min(first + block.shape[1], high)
        if begin >= end:
            return
        self.copy_to(begin)
        fade = round(FADE * self._rate)
        weights = _weights(np.arange(begin, end), low, high, self._samples, fade)[:, None]
        for old, new, stem in zip(self._old, self._new, block, strict=True):
            known = old.read(end - begin, dtype="float32", always_2d=True)
            new.write(known + weights * (stem[begin - first : end - first] - known))


def _weights(places: NDArray[np.int64], low: int, high: int, samples: int, fade: int) -> NDArray[np.float32]:
    """Weight of the new stems at samples, between 0 and 1; no fade at either end of the recording."""
    rising = (places - low + 0.5) / fade if low > 0 else np.ones(len(places))
    falling = (high - places - 0.5) / fade if high < samples else np.ones(len(places))
    return np.minimum(np.minimum(rising, falling), 1.0).astype(np.float32)


def separated_with(before: F0Tracks, now: F0Tracks, passages: Sequence[Passage]) -> NDArray[np.float64]:
    """F0 ``(voices, frames)`` of the stems once passages were separated again, 0 = unvoiced."""
    rows = np.nan_to_num(before.frequencies)
    for passage in passages:
        heard = (now.times >= passage.first) & (now.times < passage.last)
        rows[:, heard] = np.nan_to_num(now.frequencies)[:, heard]
    return rows
