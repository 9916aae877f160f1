"""Writing stems: several files of equal length at once, complete or not at all.

Blocks go to hidden float files beside the targets, because only the end tells whether an integer format would
clip. `StemWriter.close` then encodes all with one common gain and renames them into place together.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from vocsep.errors import AudioError, SettingsError
from vocsep.media.decode import reason
from vocsep.media.names import native
from vocsep.media.reading import AudioInfo, BitDepth
from vocsep.media.staging import all_written_beside, folders_made, scratch_beside

Format = Literal["wav", "flac", "mp3", "ogg", "w64"]
MOST_CHANNELS = {"wav": 1024, "flac": 8, "mp3": 2, "ogg": 8, "w64": 1024}
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # Hz
WAV_BYTES = 0xFFFF_0000  # a RIFF file counts its bytes in 32 bits; above this it must be RF64
WIDTHS = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}  # bytes of a sample
BLOCK = 1 << 16  # samples encoded at a time
CONTAINERS = {"FLAC": "flac", "MP3": "mp3", "OGG": "ogg"}  # all others become wav


def default_format(
    info: AudioInfo, format: str | None = None, bit_depth: BitDepth | None = None
) -> tuple[Format, BitDepth]:
    """Format and depth of the stems of a recording: what is asked for, and the rest as the recording has it.

    FLAC, MP3 and OGG stay themselves where they can hold the rate and channels, everything else becomes WAV.
    Depths: 24 bits stay 24, float and 32 bits are float (24 in FLAC), fewer bits and lossy recordings 16.

    Raises:
        SettingsError: an unknown format or depth, or a depth that the format has not.
        AudioError: the format that is asked for cannot hold the rate or the channels.

    >>> default_format(AudioInfo(Path("a.mp3"), 44100, 2, 1, "MP3", "MPEG_LAYER_III"))
    ('mp3', 16)
    >>> default_format(AudioInfo(Path("a.wav"), 48000, 2, 1, "WAV", "FLOAT"), "flac")
    ('flac', 24)
    """
    chosen = format or CONTAINERS.get(info.format, "wav")
    if chosen not in MOST_CHANNELS:
        raise SettingsError(f"format {chosen!r} is none of {', '.join(MOST_CHANNELS)}")
    refusal = _refusal(chosen, info.sample_rate, info.channels)
    if refusal and format is None:
        chosen = "wav"
    elif refusal:
        raise AudioError(f"{info.path}: {refusal}; another --format is needed")
    depth = info.bit_depth if bit_depth is None else bit_depth
    if depth not in (16, 24, "float"):
        raise SettingsError(f"bit depth {depth!r} is none of 16, 24, float")
    if chosen == "flac" and depth == "float":
        if bit_depth is not None:
            raise SettingsError("bit depth 'float' is not in flac, which has 16 and 24")
        depth = 24
    return chosen, depth  # type: ignore[return-value]  # chosen is a key of MOST_CHANNELS


class StemWriter:
    """Writes stems block by block; a context manager that leaves nothing behind when its body fails.

    Args:
        paths: the targets, one for each stem; folders that lack are made.
        sample_rate: Hz. channels: of every stem.
        format: wav (RF64 beyond 4 GB), w64, flac, mp3 or ogg.
        bit_depth: 16, 24 or "float" (wav and w64); the lossy formats have none.
        overwrite: replace targets that exist.
        comment: stands in every file, but in w64, which has no place for it.

    Raises:
        AudioError: a target exists, two are the same, or the format cannot hold the rate or the channels.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        sample_rate: int,
        channels: int,
        format: str = "wav",
        bit_depth: BitDepth = 16,
        overwrite: bool = False,
        comment: str = "",
    ) -> None:
        self.paths = [Path(path) for path in paths]
        self.gain_db, self._comment = 0.0, comment  # dB, the common gain that `close` had to apply
        self._rate, self._channels, self._format, self._depth = sample_rate, channels, format, bit_depth
        self._highest = self._lowest = 0.0
        self._samples = 0
        refusal = _refusal(format, sample_rate, channels)
        if refusal:
            raise AudioError(f"{self.paths[0]}: {refusal}")
        for index, path in enumerate(self.paths):
            if path in self.paths[:index]:
                raise AudioError(f"{path}: named for two stems")
            if path.is_dir() or (path.exists() and not overwrite):
                raise AudioError(f"{path}: exists already" + (" and is a folder" if path.is_dir() else ""))
        self._begun = ExitStack()  # what is to be closed and removed at the end
        try:
            self._begun.enter_context(folders_made(self.paths))
            self._scratch = self._begun.enter_context(scratch_beside(self.paths))
            self._stages = [self._begun.enter_context(self._stage(path)) for path in self._scratch]
        except BaseException as error:
            self.abort()
            raise self._named(error) from None

    def write(self, blocks: Sequence[NDArray[np.floating]]) -> None:
        """Append a block ``(samples, channels)`` or, mono, ``(samples,)`` to each stem; all of one length."""
        if len(blocks) != len(self.paths) or len({len(block) for block in blocks}) > 1:
            raise ValueError(
                f"{len(blocks)} blocks of {[len(b) for b in blocks]} samples for {len(self.paths)} stems"
            )
        try:
            for stage, block in zip(self._stages, blocks, strict=True):
                columns = np.asarray(block, dtype=np.float32).reshape(len(block), self._channels)
                self._highest = max(self._highest, float(np.max(columns, initial=0.0)))
                self._lowest = min(self._lowest, float(np.min(columns, initial=0.0)))
                stage.write(columns)
        except (RuntimeError, OSError, AssertionError) as error:  # soundfile asserts that all was written
            raise self._named(error) from None
        self._samples += len(blocks[0])

    def close(self) -> None:
        """Encode, rename into place and say the gain in `gain_db`."""
        gain = 1.0 if self._depth == "float" and self._format in ("wav", "w64") else self._common_gain()
        try:
            with self._begun:
                for stage in self._stages:
                    stage.close()
                with all_written_beside(self.paths) as finished:
                    for path, encoded in zip(self._scratch, finished, strict=True):
                        self._encode(path, encoded, gain)
                        path.unlink()
        except BaseException as error:
            raise self._named(error) from None
        self.gain_db = float(20 * np.log10(gain))

    def abort(self) -> None:
        """Remove everything that was begun."""
        self._begun.close()

    def __enter__(self) -> "StemWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def _stage(self, path: Path) -> soundfile.SoundFile:
        path.touch()  # says why it cannot be made, where libsndfile says "System error"
        return soundfile.SoundFile(native(path), "w", self._rate, self._channels, "FLOAT", format="RF64")

    def _common_gain(self) -> float:
        """1, or what brings the loudest sample of all stems to the end of the integers."""
        # The integers reach less far above than below 0.
        full = 1.0 - 2.0 ** (1 - (24 if self._depth == 24 else 16))
        return min(1.0, full / max(self._highest, full), 1.0 / max(-self._lowest, 1.0))

    def _encode(self, stage: Path, target: Path, gain: float) -> None:
        container, subtype, options = _encoding(self._format, self._depth)
        if container == "WAV" and self._samples * self._channels * WIDTHS[subtype] > WAV_BYTES:
            container = "RF64"
        with ExitStack() as stack:
            source = stack.enter_context(soundfile.SoundFile(native(stage)))
            file = soundfile.SoundFile(
                native(target), "w", self._rate, self._channels, subtype, format=container, **options
            )
            stack.enter_context(file)
            if self._comment and container != "W64":
                file.comment = self._comment
            for block in source.blocks(BLOCK, dtype="float32", always_2d=True):
                file.write(_quantised(block * np.float32(gain), subtype))
        if subtype == "FLOAT":
            _forget_time(target)

    def _named(self, error: BaseException) -> BaseException:
        if isinstance(error, (RuntimeError, OSError, AssertionError)):
            return AudioError(f"{self.paths[0].parent}: stems cannot be written ({reason(error)})")
        return error


def _refusal(format: str, sample_rate: int, channels: int) -> str:
    """Why a format cannot hold such audio, or nothing."""
    if format not in MOST_CHANNELS:
        return f"format {format!r} is none of {', '.join(MOST_CHANNELS)}"
    if channels > MOST_CHANNELS[format]:
        return f"{format} holds at most {MOST_CHANNELS[format]} channels, not {channels}"
    if format == "mp3" and sample_rate not in MP3_RATES:
        return f"mp3 has no rate of {sample_rate} Hz (8000 .. 48000 Hz, the usual ones)"
    return ""


def _encoding(format: str, depth: BitDepth) -> tuple[str, str, dict[str, float | str]]:
    """Names of container and encoding for libsndfile, and its options: the best quality of the lossy ones."""
    if format == "mp3":
        return "MP3", "MPEG_LAYER_III", {"compression_level": 0.0, "bitrate_mode": "VARIABLE"}
    if format == "ogg":
        return "OGG", "VORBIS", {"compression_level": 0.0}
    return format.upper(), "FLOAT" if depth == "float" else f"PCM_{depth}", {}


def _quantised(block: NDArray[np.float32], subtype: str) -> NDArray[Any]:
    """Integers rounded to the nearest: libsndfile would round floats down."""
    if not subtype.startswith("PCM"):
        return block
    scale = 2.0 ** (int(subtype[4:]) - 1)
    numbers = np.clip(np.rint(block * np.float64(scale)), -scale, scale - 1)
    if subtype == "PCM_16":
        return np.asarray(numbers, dtype=np.int16)
    return np.asarray(numbers * 256, dtype=np.int32)  # soundfile takes the 24 upper bits of 32


def _forget_time(path: Path) -> None:
    """Clear the time of writing in the PEAK chunk, so that the same stems make the same file."""
    with path.open("r+b") as file:
        position = file.read(4096).find(b"PEAK")
        if position >= 0:
            file.seek(position + 12)  # after name, size and version
            file.write(bytes(4))
