"""Opening a recording of any format: by soundfile, or through ``ffmpeg`` where that is installed."""

import shutil
import subprocess
from pathlib import Path

import soundfile

from vocsep.errors import AudioError

FFMPEG = "FFMPEG"  # the name of every format that needed ffmpeg
BY_SOUNDFILE = ".wav .wave .bwf .rf64 .w64 .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .caf"
BY_FFMPEG = ".m4a .mp4 .aac .wma .webm .mka .mov .mkv .ac3 .ape .wv .amr .3gp"
ANY_FORMAT = frozenset(f"{BY_SOUNDFILE} {BY_FFMPEG}".split())  # extensions that a folder is searched for


def open_sound_file(path: Path, folder: Path) -> tuple[soundfile.SoundFile, str]:
    """The open file and the name of its format.

    Args:
        path: the recording.
        folder: where a decoded copy may be kept as long as the file is open.

    Raises:
        AudioError: neither soundfile nor ffmpeg can read it.
    """
    try:
        # An absolute name: libsndfile takes "-" for standard input.
        file = soundfile.SoundFile(str(path.absolute()))
        return file, str(file.format)
    except (RuntimeError, OSError, TypeError, ValueError) as error:
        detail = reason(error)
    decoded = folder / "decoded.wav"
    _decode(path, decoded, detail)
    try:
        return soundfile.SoundFile(str(decoded)), FFMPEG
    except RuntimeError as error:
        raise AudioError(f"{path}: ffmpeg made nothing of it ({reason(error)})") from None


def reason(error: BaseException) -> str:
    """Why it failed, in one line and without the name of the file, which our messages begin with."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()).rstrip(".") or type(error).__name__


def _decode(path: Path, target: Path, detail: str) -> None:
    """Decode the first audio track into a float WAV."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(f"{path}: damaged, or of a format for ffmpeg, which is not installed ({detail})")
    # "file:" keeps a name from being taken for an option or an address; the list of protocols keeps a
    # playlist from reaching into the net.
    quiet = ["-nostdin", "-v", "error", "-protocol_whitelist", "file"]
    track = ["-i", f"file:{path.absolute()}", "-map", "0:a:0", "-c:a", "pcm_f32le", "-rf64", "auto", "-y"]
    done = subprocess.run([program, *quiet, *track, f"file:{target}"], capture_output=True, check=False)
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise AudioError(f"{path}: ffmpeg cannot decode it ({last})")
