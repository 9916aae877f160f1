"""Reading recordings: any format, rate and number of channels, in blocks, with one clear line for failures.

`open_audio` serves the original for output, `analysis_stream` the mono copy at 16 kHz for everything else. Of
a whole recording only that copy is ever held, and of a long one not even that (`vocsep.media.analysis_file`).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from vocsep.errors import AudioError
from vocsep.media.analysis_file import give_back, new_copy, peak_of
from vocsep.media.decode import FFMPEG, UNKNOWN, open_sound_file, reason
from vocsep.media.downmix import TAPS, Cancellation, turned
from vocsep.media.leftovers import temporary_folder
from vocsep.media.pipes import regular_file
from vocsep.spectra import HOP, SAMPLE_RATE

BitDepth = Literal[16, 24, "float"]
RATES = (8_000, 192_000)  # Hz, lowest and highest rate of a recording
BLOCK = 1 << 18  # samples read at a time
TURNED = 1 << 22  # samples whose channels are turned in phase at a time
SILENT = 1e-5  # peak of a recording that holds nothing: -100 dB of full scale
FRAYED = 4608  # samples, four MP3 frames: what may lack at the end of an intact lossy file
LOSSY = ("MP3", "OGG", FFMPEG)


@dataclass(frozen=True)
class AudioInfo:
    """What a recording is: rate in Hz, length in samples, container and encoding by libsndfile's names."""

    path: Path
    sample_rate: int
    channels: int
    samples: int
    format: str
    subtype: str

    @property
    def seconds(self) -> float:
        return self.samples / self.sample_rate

    @property
    def bit_depth(self) -> BitDepth:
        """The depth of output that keeps what the recording holds."""
        if self.subtype in ("PCM_24", "ALAC_24", "ALAC_20"):
            return 24
        if self.subtype in ("PCM_32", "FLOAT", "DOUBLE", "ALAC_32") and self.format != FFMPEG:
            return "float"
        return 16


class AudioSource:
    """An open recording, for any thread; made by `open_audio`.

    Attributes:
        info: what it is.
        missing: what its header promises and its data do not hold, in words; empty where all is there.
    """

    def __init__(self, info: AudioInfo, file: soundfile.SoundFile, missing: str = "") -> None:
        self.info, self.missing = info, missing
        self._file, self._lock = file, threading.Lock()

    def read(self, start: int, samples: int) -> NDArray[np.float32]:
        """Samples ``start`` to ``start + samples``, fewer at the end: ``(samples, channels)`` float32.

        Raises:
            AudioError: damaged or truncated, or a sample is not a finite number.
        """
        wanted = max(min(samples, self.info.samples - start), 0)
        try:
            with self._lock:
                if wanted and self._file.tell() != start:
                    self._file.seek(start)
                block = self._file.read(wanted, dtype="float32", always_2d=True)
        except (RuntimeError, OSError) as error:
            raise AudioError(f"{self.info.path}: damaged after {self._at(start)} ({reason(error)})") from None
        missing = wanted - len(block)
        if missing and (missing > FRAYED or self.info.format not in LOSSY):
            end, length = self._at(start + len(block)), self._at(self.info.samples)
            raise AudioError(f"{self.info.path}: ends at {end} of {length}: truncated")
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            first = self._at(start + int(np.argmin(finite)))
            raise AudioError(f"{self.info.path}: the sample at {first} is not a finite number")
        return np.pad(block, ((0, missing), (0, 0))) if missing else block

    def span(self, start: float = 0.0, duration: float | None = None) -> tuple[int, int]:
        """First sample and number of samples of ``duration`` seconds (None: the rest) from ``start`` seconds.

        Raises:
            AudioError: the start lies outside the recording, or the duration is not above 0.
        """
        if not 0 <= start < self.info.seconds:
            length = f"{self.info.seconds:.3f}"
            raise AudioError(f"{self.info.path}: start {start:g} s is not within 0 .. {length} s, its length")
        if duration is not None and not duration > 0:
            raise AudioError(f"{self.info.path}: duration {duration:g} s is not above 0 s")
        first = min(round(start * self.info.sample_rate), self.info.samples - 1)
        rest = self.info.samples - first
        if duration is None or duration >= self.info.seconds:
            return first, rest
        return first, min(max(round(duration * self.info.sample_rate), 1), rest)

    def _at(self, sample: int) -> str:
        return f"{sample / self.info.sample_rate:.3f} s"


@contextmanager
def open_audio(path: str | Path, strict: bool = False) -> Iterator[AudioSource]:
    """Open a recording for reading in blocks.

    Args:
        path: the recording, or a pipe.
        strict: refuse what ends earlier than it should, instead of going on with what is there.

    Raises:
        AudioError: missing, a folder, empty, damaged, of an unknown format, or a rate outside 8 .. 192 kHz;
            with ``strict`` also what was cut off.
    """
    path = Path(path)
    with temporary_folder() as folder:
        regular = regular_file(path, folder)
        try:
            opened = open_sound_file(regular, folder)
        except AudioError as error:  # names the copy, where it came through a pipe
            raise AudioError(str(error).replace(str(regular), str(path))) from None
        with opened.file as file:
            info = AudioInfo(path, file.samplerate, file.channels, file.frames, opened.format, opened.subtype)
            if strict and opened.missing:
                raise AudioError(f"{path}: {opened.missing}")
            if not 0 < info.samples < UNKNOWN:
                raise AudioError(f"{path}: holds no samples")
            if not RATES[0] <= info.sample_rate <= RATES[1]:
                raise AudioError(
                    f"{path}: rate {info.sample_rate} Hz is not within {RATES[0]} .. {RATES[1]} Hz"
                )
            yield AudioSource(info, file, opened.missing)


def read_audio(
    path: str | Path, start: float = 0.0, duration: float | None = None, strict: bool = False
) -> tuple[NDArray[np.float32], int]:
    """``duration`` seconds from ``start`` seconds on: ``(samples, channels)`` float32, and the rate in Hz."""
    with open_audio(path, strict) as source:
        return source.read(*source.span(start, duration)), source.info.sample_rate


def to_analysis(audio: NDArray[np.floating], sample_rate: int) -> NDArray[np.float32]:
    """Mono copy at 16 kHz.

    Args:
        audio: ``(samples,)`` or ``(samples, channels)``.
        sample_rate: Hz.

    Returns:
        ``(round(samples * 16000 / sample_rate),)`` float32: the mean of the channels, or, where a voice
        cancels in it, channels added with other phases (`vocsep.media.downmix`).
    """
    columns = np.asarray(audio, dtype=np.float32)
    columns = columns[:, None] if columns.ndim == 1 else columns
    return _resampled(lambda: iter([columns]), len(columns), sample_rate)


def analysis_stream(
    source: AudioSource, block: int = BLOCK, start: float = 0.0, duration: float | None = None
) -> NDArray[np.float32]:
    """`to_analysis` of an open recording, or of a span of seconds of it, read ``block`` samples at a time.

    Raises:
        AudioError: what `AudioSource.read`, `AudioSource.span` and `require_sound` refuse.
    """
    first, samples = source.span(start, duration)

    def blocks() -> Iterator[NDArray[np.float32]]:
        for position in range(first, first + samples, block):
            yield source.read(position, min(block, first + samples - position))

    analysis = _resampled(blocks, samples, source.info.sample_rate)
    require_sound(analysis, str(source.info.path))
    return analysis


def require_sound(analysis: NDArray[np.float32], name: str) -> None:
    """Refuse what holds nothing to separate.

    Raises:
        AudioError: shorter than one frame of 16 ms, or silent (peak under -100 dB of full scale).
    """
    if len(analysis) < HOP:
        frame = 1000 * HOP // SAMPLE_RATE
        raise AudioError(
            f"{name}: {1000 * len(analysis) / SAMPLE_RATE:.1f} ms long, under one frame of {frame} ms"
        )
    peak = peak_of(analysis)
    if peak < SILENT:
        raise AudioError(f"{name}: silent (peak {peak:.1e}, under {SILENT:.0e} of full scale)")


def _resampled(
    blocks: Callable[[], Iterator[NDArray[np.float32]]], samples: int, sample_rate: int
) -> NDArray[np.float32]:
    """Blocks ``(samples, channels)`` to mono at 16 kHz."""
    cancellation, channels = Cancellation(), 1

    def means() -> Iterator[NDArray[np.float32]]:
        nonlocal channels
        for block in blocks():
            channels = block.shape[1]
            cancellation.hear(block)
            yield block.mean(axis=1, keepdims=True, dtype=np.float32)

    mono = _collected(means(), samples, sample_rate, 1)[:, 0]
    if not cancellation.matters:
        return mono
    columns = _collected(blocks(), samples, sample_rate, channels)
    for begin in range(0, len(mono), TURNED):  # a piece at a time, and what its filter reaches beyond it
        low = max(begin - TAPS // 2, 0)
        piece = turned(np.array(columns[low : begin + TURNED + TAPS // 2]))
        mono[begin : begin + TURNED] = piece[begin - low :][:TURNED]
        give_back(columns)
        give_back(mono)
    return mono


def _collected(
    blocks: Iterator[NDArray[np.float32]], samples: int, sample_rate: int, channels: int
) -> NDArray[np.float32]:
    """Blocks ``(samples, channels)`` joined, at 16 kHz."""
    result = new_copy(round(samples * SAMPLE_RATE / sample_rate), channels)
    stream = soxr.ResampleStream(sample_rate, SAMPLE_RATE, channels, dtype="float32", quality="HQ")
    read = written = 0
    for block in blocks:
        read += len(block)
        out = block if sample_rate == SAMPLE_RATE else stream.resample_chunk(block, last=read == samples)
        out = out[: len(result) - written]
        result[written : written + len(out)] = out
        written += len(out)
        give_back(result)
    return result
