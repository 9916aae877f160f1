"""The true stems of a recording, for the oracle methods: read chunk by chunk, never held whole."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vocsep.errors import AudioError, SettingsError
from vocsep.media.finding import find_audio
from vocsep.media.reading import open_audio, to_analysis
from vocsep.spectra import SAMPLE_RATE

TOLERANCE = 0.1  # s by which a stem may be longer or shorter than its recording


class ReferenceStems:
    """A folder of stems; in the order of their file names they are the voices from the highest down.

    Args:
        folder: holds one file a voice, of any rate and number of channels.

    Attributes:
        paths: of the voices.

    Raises:
        AudioError: the folder is not there or holds no recording.
        SettingsError: it is a file.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        if self.folder.is_file():
            raise SettingsError(f"stems: {folder} is a file, a folder with one file a voice is needed")
        self.paths = find_audio([self.folder])

    @property
    def voices(self) -> int:
        return len(self.paths)

    def check(self, seconds: float, voices: int | None) -> None:
        """Refuse a recording that these cannot be the stems of.

        Args:
            seconds: length of the recording.
            voices: how many were asked for; None: as many as there are stems.

        Raises:
            AudioError: a stem cannot be read, or its length differs by more than `TOLERANCE`.
            SettingsError: another number of voices.
        """
        if voices is not None and voices != self.voices:
            raise SettingsError(
                f"stems: {self.folder} holds {self.voices} recordings, {voices} voices are asked for"
            )
        for path in self.paths:
            with open_audio(path) as source:
                length = source.info.seconds
            if abs(length - seconds) > TOLERANCE:
                raise AudioError(
                    f"{path}: lasts {length:.3f} s, the recording {seconds:.3f} s; a stem is as long (within "
                    f"{TOLERANCE:g} s)"
                )

    def read(self, first: int, samples: int) -> Tensor:
        """The stems at 16 kHz from sample ``first`` on: ``(voices, samples)``, zeros after their ends."""
        stems = np.zeros((self.voices, samples), np.float32)
        for stem, path in zip(stems, self.paths, strict=True):
            with open_audio(path) as source:
                rate = source.info.sample_rate
                start = round(first * rate / SAMPLE_RATE)
                known = source.read(start, -(-samples * rate // SAMPLE_RATE))
            if len(known):
                mono = to_analysis(known, rate)[:samples]
                stem[: len(mono)] = mono
        return torch.from_numpy(stems)
