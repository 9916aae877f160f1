"""A good file of every kind that vocsep reads, its reader, and command lines: what ``fuzz`` damages."""

import contextlib
import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.torch import save_file

from vocsep.cli import main as command_line
from vocsep.errors import VocsepError
from vocsep.estimator.network import Estimator
from vocsep.estimator.settings import EstimatorSettings
from vocsep.estimator.stored import load_estimator, save_estimator
from vocsep.filtering.postfilter import PostfilterNetwork, PostfilterSettings, load_postfilter
from vocsep.fit.settings import FitSettings
from vocsep.media.reading import BLOCK, open_audio
from vocsep.methods.unet import Unet, UnetSettings
from vocsep.methods.unet_masks import load_unet, save_unet
from vocsep.model import load_model, save_model
from vocsep.pitch.refiner import RefinerNetwork, RefinerSettings, restore_refiner
from vocsep.pitch.salience import SalienceNetwork, SalienceSettings, restore_network
from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.exports import Export
from vocsep.transcription.score_reading import read_score

RATE = 8000  # Hz

Read = Callable[[Path], object]
Kinds = dict[str, tuple[Path, Read]]

# libsndfile's names where the ending does not say it.
AUDIO: dict[str, dict[str, str]] = {
    "wav": {},
    "rf64": {"format": "RF64", "subtype": "FLOAT"},
    "w64": {"format": "W64", "subtype": "PCM_24"},
    "aiff": {},
    "au": {},
    "caf": {},
    "flac": {},
    "ogg": {},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "mp3": {},
}
# ffmpeg's encoders of what it alone reads; the ending says the container.
BY_FFMPEG = {"m4a": "aac", "webm": "libopus", "wma": "wmav2", "ac3": "ac3", "mka": "flac", "wv": "wavpack"}


def read_audio_file(path: Path) -> int:
    """Read all of it in blocks, as separation does; the number of samples."""
    with open_audio(path) as source:
        total = 0
        for start in range(0, min(source.info.samples, 20 * BLOCK), BLOCK):
            total += len(source.read(start, min(BLOCK, source.info.samples - start)))
        return total


def kinds(folder: Path) -> Kinds:
    """A good file of every kind, and its reader."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {**_recordings(folder), **_pitches(folder), **_models(folder)}
    settings = folder / "good.yaml"
    settings.write_text("voices: 4\nminutes: 10\nbatch: 8\nestimator: {units: 32}\nnames: [a, b, c, d]\n")
    made["settings"] = (settings, FitSettings.from_yaml)
    words = folder / "good.words"
    words.write_text("separate a.wav -n 2 --names x,y --start 0.5 -q --adapt 0 -o out --format flac", "utf-8")
    made["command line"] = (words, _run_command)
    return made


def _recordings(folder: Path) -> Kinds:
    time = np.arange(RATE) / RATE
    sound = np.stack([0.3 * np.sin(2 * np.pi * 220 * time), 0.2 * np.sin(2 * np.pi * 330 * time)], axis=1)
    made: Kinds = {}
    for suffix, options in AUDIO.items():
        path = folder / f"good.{suffix}"
        soundfile.write(path, sound, RATE, **options)
        made[suffix] = (path, read_audio_file)
    if shutil.which("ffmpeg"):
        for suffix, encoder in BY_FFMPEG.items():
            path = folder / f"good.{suffix}"
            command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(folder / "good.wav")]
            subprocess.run([*command, "-c:a", encoder, "-ar", "48000", str(path)], check=True)
            made[suffix] = (path, read_audio_file)
    return made


def _pitches(folder: Path) -> Kinds:
    time = np.arange(300) / RATE
    rows = [440 + 5 * np.sin(99 * time), np.where(time > 0.02, 220.0, np.nan)]
    tracks = F0Tracks(np.stack(rows))
    tracks.write_csv(folder / "good.csv")
    tracks.write_json(folder / "good.json")
    tracks.write_mirex(folder / "good.txt")
    made: Kinds = {
        suffix: (folder / f"good.{suffix}", F0Tracks.read_csv) for suffix in ("csv", "json", "txt")
    }
    for suffix, format, package in (("mid", "midi", "mido"), ("musicxml", "musicxml", "music21")):
        if _there(package):
            Export(format, folder / f"good.{suffix}", ("alto", "bass")).write(tracks, 0.0)
            made[suffix] = (folder / f"good.{suffix}", read_score)
    return made


def _there(package: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(package) is not None


def _models(folder: Path) -> Kinds:
    """Small models of every kind, and a file of weights that is none of ours."""
    torch.manual_seed(0)
    salience = SalienceNetwork(SalienceSettings(channels=4, tall=2, blocks=1))
    refiner = RefinerNetwork(RefinerSettings(channels=2, blocks=1))
    postfilter = PostfilterNetwork(PostfilterSettings(channels=2))
    for kind, network in (("pitch", salience), ("refiner", refiner), ("postfilter", postfilter)):
        save_model(
            folder / f"good.{kind}",
            network.state_dict(),
            kind=kind,  # type: ignore[arg-type]  # of a tuple, mypy knows no literal
            settings=network.settings.to_dict(),
            card={"seed": 1},
        )
    save_estimator(folder / "good.voices", Estimator(EstimatorSettings(bands=8, units=8, blocks=1)), {})
    save_unet(folder / "good.unet", Unet(UnetSettings(base_channels=1, layers=2)), {})
    save_file({"a.weight": torch.randn(8, 8)}, str(folder / "good.foreign"))
    return {
        "pitch model": (folder / "good.pitch", lambda path: restore_network(load_model(path, "pitch"))),
        "refiner model": (folder / "good.refiner", lambda path: restore_refiner(load_model(path, "refiner"))),
        "postfilter model": (folder / "good.postfilter", load_postfilter),
        "voices model": (folder / "good.voices", load_estimator),
        "unet model": (folder / "good.unet", load_unet),
        "foreign model": (folder / "good.foreign", load_estimator),
    }


def _run_command(path: Path) -> None:
    """Run words from a file as a command line, in an empty folder deep below others that are empty, too.

    No word may lead out of these: there a command would find, and could replace, the files of others.

    Raises:
        VocsepError: the command said so.
        AssertionError: it took a mistake for a defect of ours, or for none.
    """
    line = path.read_bytes().decode("utf-8", "surrogateescape").replace("\0", "")
    line = re.sub(r"(?<!\.\.)/", "", line)  # none but in ../.., so that no path is absolute
    words = re.sub(r"(\.\./?){5,}", "../..", line).split(" ")
    top = path.parent / "empty"
    place = top.joinpath("a", "b", "c", "d", "e", "f")
    place.mkdir(parents=True)
    said, home = io.StringIO(), Path.cwd()
    os.chdir(place)
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            code = command_line(words)
    finally:
        os.chdir(home)
    left = sorted(one.name for one in top.rglob("*") if one.is_file())
    shutil.rmtree(top)
    assert code in (0, 1, 2), f"exit code {code}"
    assert "a defect of vocsep" not in said.getvalue(), said.getvalue()
    assert not left, f"left behind: {left}"
    if code:
        raise VocsepError("refused")
