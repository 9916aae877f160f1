"""Opening a recording of any format: by soundfile, or through ``ffmpeg`` where that is installed.

A file's length is what its data hold, not what its header says: recordings that were joined, streamed, cut
off or written without a length are decoded to a copy first (`vocsep.media.joined`, `vocsep.media.mpeg`).
"""

import io
import mmap
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import soundfile

from vocsep.errors import AudioError
from vocsep.media.joined import Data, flac_parts, lacking_in_long, ogg_links, wav_parts
from vocsep.media.mpeg import scan, write_marked
from vocsep.media.names import native

FFMPEG = "FFMPEG"  # the name of every format that needed ffmpeg
BY_SOUNDFILE = ".wav .wave .bwf .rf64 .w64 .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .caf"
BY_FFMPEG = ".m4a .mp4 .aac .wma .webm .mka .mov .mkv .ac3 .ape .wv .amr .3gp"
ANY_FORMAT = frozenset(f"{BY_SOUNDFILE} {BY_FFMPEG}".split())  # extensions that a folder is searched for
UNKNOWN = 1 << 48  # samples; libsndfile's "unknown" is 2^63 - 1
Found = TypeVar("Found")
STEP = 4096  # samples decoded at a time where the end is sought


@dataclass(frozen=True)
class OpenFile:
    """An open recording.

    Attributes:
        file: with its right length.
        format, subtype: of the recording by libsndfile's names; `FFMPEG` for what needed ffmpeg.
        missing: what its header promises and its data do not hold, in words; empty where all is there.
    """

    file: soundfile.SoundFile
    format: str
    subtype: str
    missing: str = ""


def open_sound_file(path: Path, folder: Path) -> OpenFile:
    """Open a recording with the length that its data have.

    Args:
        path: the recording.
        folder: where a decoded copy may be kept as long as the file is open.

    Raises:
        AudioError: neither soundfile nor ffmpeg can read it, or its parts are of different rates or channels.
    """
    try:
        file = soundfile.SoundFile(native(path))
    except (RuntimeError, OSError, TypeError, ValueError) as error:
        detail = reason(error)
        joined = _joined_wav(path, folder)
        if joined is not None:
            return joined
    else:
        return _whole(path, file, folder)
    decoded = folder / "decoded.wav"
    remark = _decode(path, decoded, detail)
    try:
        file = soundfile.SoundFile(str(decoded))
    except RuntimeError as error:
        raise AudioError(f"{path}: ffmpeg made nothing of it ({reason(error)})") from None
    return OpenFile(file, FFMPEG, str(file.subtype), remark)


def _whole(path: Path, file: soundfile.SoundFile, folder: Path) -> OpenFile:
    """The file itself where its length is that of its data, else a copy that holds all of them."""
    name, subtype = str(file.format), str(file.subtype)
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if name == "MP3":
            return _mp3(path, file, folder, data)
        parts, missing = [(0, len(data))], ""
        if name == "OGG":
            parts, ended = _walked_once(ogg_links, path)
            missing = "" if ended else "the end is missing: the file was cut off"
        elif name == "FLAC":
            parts = _walked_once(flac_parts, path) or parts  # its first mark may be damaged
        elif name in ("WAV", "WAVEX"):
            _, lacking = wav_parts(data)
            missing = _lacking(file, lacking) if lacking else ""
        elif name in ("RF64", "W64"):
            lacking = lacking_in_long(data)
            missing = _lacking(file, lacking) if lacking else ""
        if len(parts) < 2 and (name != "FLAC" or _ends_where_it_says(file)):
            return OpenFile(file, name, subtype, missing)
        promised = file.frames if file.frames < UNKNOWN else 0
        file.close()
        copy = folder / "decoded.wav"
        samples = _decode_parts(path, data, parts, copy)
    whole = soundfile.SoundFile(str(copy))
    if len(parts) < 2 and samples < promised:
        missing = _cut(samples, promised, whole.samplerate)
    return OpenFile(whole, name, subtype, missing)


def _walked_once(walk: Callable[[Data], Found], path: Path) -> Found:
    """What a walk over all data of a file finds; one that has not changed since is not walked again."""
    status = path.stat()
    return cast(Found, _walked(walk, path.absolute(), status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=256)
def _walked(walk: Callable[[Data], object], path: Path, size: int, changed: int) -> object:
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return walk(data)


def _joined_wav(path: Path, folder: Path) -> OpenFile | None:
    """Several WAV files after one another, of which libsndfile wants to know nothing."""
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        parts, lacking = wav_parts(data)
        if len(parts) < 2:
            return None
        copy = folder / "decoded.wav"
        _decode_parts(path, data, parts, copy)
        with soundfile.SoundFile(io.BytesIO(data[slice(*parts[0])])) as first:
            subtype = str(first.subtype)
    missing = "the end is missing: the file was cut off" if lacking else ""
    return OpenFile(soundfile.SoundFile(str(copy)), "WAV", subtype, missing)


def _mp3(path: Path, file: soundfile.SoundFile, folder: Path, data: mmap.mmap) -> OpenFile:
    name, subtype, promised = str(file.format), str(file.subtype), file.frames
    frames = _walked_once(scan, path)
    if frames is None or frames.as_marked:
        return OpenFile(file, name, subtype)
    if not frames.alike:
        raise AudioError(f"{path}: changes its rate or its number of channels on the way")
    file.close()
    copy = folder / "whole.mp3"
    write_marked(data, frames, copy)
    missing = ""
    if frames.marks == 1 and frames.marked is not None and frames.count < frames.marked:
        missing = _cut(round(frames.seconds * frames.header.rate), promised, frames.header.rate)
    return OpenFile(soundfile.SoundFile(str(copy)), name, subtype, missing)


def _ends_where_it_says(file: soundfile.SoundFile) -> bool:
    """Whether the last sample that the header promises can be read."""
    if not 0 < file.frames < UNKNOWN:
        return bool(file.frames == 0)
    try:
        file.seek(file.frames - 1)
        there = bool(len(file.read(1)) == 1)
        file.seek(0)
    except (RuntimeError, OSError):
        return False
    return there


def _decode_parts(path: Path, data: mmap.mmap, parts: Sequence[tuple[int, int]], target: Path) -> int:
    """Decode parts one after another into one float file; the number of its samples.

    A part whose data end early, or are damaged from somewhere on, gives what comes before.

    Raises:
        AudioError: parts are of different rates or channels.
    """
    whole: soundfile.SoundFile | None = None
    try:
        for start, stop in parts:
            with soundfile.SoundFile(io.BytesIO(data[start:stop])) as part:
                if whole is None:
                    kind = part.samplerate, part.channels
                    whole = soundfile.SoundFile(str(target), "w", *kind, "FLOAT", format="RF64")
                elif (part.samplerate, part.channels) != kind:
                    raise AudioError(f"{path}: was joined of parts of different rates or numbers of channels")
                _copy(part, whole)
        return int(whole.frames) if whole is not None else 0
    except RuntimeError as error:
        raise AudioError(f"{path}: damaged ({reason(error)})") from None
    finally:
        if whole is not None:
            whole.close()


def _copy(part: soundfile.SoundFile, whole: soundfile.SoundFile) -> None:
    """Append all that can be read.

    At the end of data that end early, and of those of unknown length, libsndfile fails after it has filled a
    part of the block.
    """
    block = np.empty((STEP, part.channels), np.float32)
    while True:
        block.fill(np.nan)
        try:
            read = len(part.read(out=block))
        except RuntimeError:
            whole.write(block[: int(np.isfinite(block).all(axis=1).sum())])
            return
        if not read:
            return
        whole.write(block[:read])


def _cut(samples: int, promised: int, rate: int) -> str:
    there, whole = samples / rate, promised / rate
    return f"ends at {there:.3f} s of {whole:.3f} s: the last {whole - there:.3f} s are missing"


def _lacking(file: soundfile.SoundFile, lacking: int) -> str:
    """What a WAV lacks whose samples should go on for so many bytes."""
    bits = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
    if file.subtype not in bits:
        return "the end is missing: the file was cut off"
    lost = lacking * 8 // (bits[file.subtype] * file.channels)
    return _cut(file.frames, file.frames + lost, file.samplerate)


def reason(error: BaseException) -> str:
    """Why it failed, in one line and without the name of the file, which our messages begin with."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()).rstrip(".") or type(error).__name__


def _decode(path: Path, target: Path, detail: str) -> str:
    """Decode the first audio track into a float WAV; what ffmpeg complained of on the way."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(f"{path}: damaged, or of a format for ffmpeg, which is not installed ({detail})")
    # "file:" keeps a name from being taken for an option or an address; the list of protocols keeps a
    # playlist from reaching into the net.
    quiet = ["-nostdin", "-v", "error", "-protocol_whitelist", "file"]
    track = ["-i", f"file:{path.absolute()}", "-map", "0:a:0", "-c:a", "pcm_f32le", "-rf64", "auto", "-y"]
    done = subprocess.run([program, *quiet, *track, f"file:{target}"], capture_output=True, check=False)
    last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
    if done.returncode:
        said = last.removeprefix(f"file:{path.absolute()}: ") or "no message"
        raise AudioError(f"{path}: no recording, or damaged: ffmpeg cannot decode it either ({said})")
    return f"damaged in places, says ffmpeg ({last})" if last else ""
