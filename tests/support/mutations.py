"""Damaged files by the thousand: seeded mutations of good ones, and how they must be read.

    python tests/support/mutations.py --count 700

A reader may succeed or raise a `VocsepError`. Anything else is a fault, also longer than `SECONDS`, or
more memory than `MEGABYTES` above what the process had. `tests/test_mutations.py` runs a few of each.
"""

import argparse
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.torch import save_file

from vocsep.errors import VocsepError
from vocsep.fit.settings import FitSettings
from vocsep.media.reading import BLOCK, open_audio
from vocsep.model import load_model, save_model
from vocsep.pitch.tracks import F0Tracks

SECONDS = 20  # a time out of all proportion to a file of a few kB
MEGABYTES = 600
RATE = 8000  # Hz

Read = Callable[[Path], object]


def read_audio_file(path: Path) -> int:
    """Read all of it in blocks, as separation does."""
    with open_audio(path) as source:
        total = 0
        for start in range(0, min(source.info.samples, 20 * BLOCK), BLOCK):
            total += len(source.read(start, min(BLOCK, source.info.samples - start)))
        return total


def kinds(folder: Path) -> dict[str, tuple[Path, Read]]:
    """A good file of every kind that is read, and its reader."""
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(RATE) / RATE
    sound = np.stack([0.3 * np.sin(2 * np.pi * 220 * time), 0.2 * np.sin(2 * np.pi * 330 * time)], axis=1)
    made: dict[str, tuple[Path, Read]] = {}
    for suffix, options in {
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
    }.items():
        path = folder / f"good.{suffix}"
        soundfile.write(path, sound, RATE, **options)
        made[suffix] = (path, read_audio_file)
    tracks = F0Tracks(
        np.stack([440 + 5 * np.sin(time[:300] * 99), np.where(time[:300] > 0.02, 220.0, np.nan)])
    )
    tracks.write_csv(folder / "good.csv")
    tracks.write_json(folder / "good.json")
    tracks.write_mirex(folder / "good.txt")
    for suffix in ("csv", "json", "txt"):
        made[suffix] = (folder / f"good.{suffix}", F0Tracks.read_csv)
    weights = {"a.weight": torch.randn(8, 8), "a.bias": torch.zeros(8)}
    save_model(folder / "good.model", weights, kind="pitch", settings={"channels": 8}, card={"seed": 1})
    made["model"] = (folder / "good.model", lambda path: load_model(path, "pitch"))
    save_file(weights, str(folder / "other.model"))
    made["foreign model"] = (folder / "other.model", lambda path: load_model(path, "voices"))
    (folder / "good.yaml").write_text(
        "voices: 4\nminutes: 10\nbatch: 8\nestimator: {units: 32}\nnames: [a, b, c, d]\n"
    )
    made["settings"] = (folder / "good.yaml", FitSettings.from_yaml)
    return made


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One to eight faults: bits flipped, numbers made large, stretches cut, doubled, moved or filled."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        if not changed:
            break
        # Half of the faults hit the header, which decides how the rest is read.
        end = len(changed) if rng.random() < 0.5 else min(len(changed), 128)
        at, length = int(rng.integers(end)), int(2 ** rng.uniform(0, 10))
        fault = int(rng.integers(7))
        if fault == 0:
            changed[at] ^= 1 << int(rng.integers(8))
        elif fault == 1:
            changed[at : at + 4] = int(rng.choice([0, 1, 0x7F, 0xFF, 2**31 - 1, 2**31, 2**32 - 1])).to_bytes(
                4, "little" if rng.random() < 0.5 else "big"
            )
        elif fault == 2:
            del changed[at : at + length]
        elif fault == 3:
            changed[at:at] = changed[at : at + length]
        elif fault == 4:
            changed[at : at + length] = rng.bytes(min(length, len(changed) - at))
        elif fault == 5:
            changed[at : at + length] = bytes(min(length, len(changed) - at))
        else:
            del changed[at:]
    return bytes(changed)


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise `TimeoutError` where the body takes longer."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fault_of(read: Read, path: Path) -> str | None:
    """What went wrong in reading a file, as a traceback; None where it was read, or refused in one line."""
    try:
        with within(SECONDS):
            read(path)
    except VocsepError as error:
        return f"an error of several lines: {error}" if "\n" in str(error) else None
    except Exception:
        return traceback.format_exc()
    return None


def memory() -> float:
    """The most that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(count: int, seed: int, folder: Path, kept: Path | None = None) -> dict[str, tuple[int, list[str]]]:
    """Read ``count`` damaged files of each kind; how many were tried, and the faults that were found."""
    results = {}
    for kind, (good, read) in kinds(folder).items():
        data, faults, had = good.read_bytes(), [], memory()
        fault = fault_of(read, good) if kind != "foreign model" else None
        assert fault is None, fault
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            path = folder / f"bad{number}{good.suffix}"
            path.write_bytes(mutated(data, rng))
            fault = fault_of(read, path)
            if memory() > had + MEGABYTES:
                fault, had = fault or f"memory grew to {memory():.0f} MB", memory()
            if fault is not None:
                faults.append(f"{kind}, number {number}: {fault}")
                if kept is not None:
                    kept.mkdir(parents=True, exist_ok=True)
                    (kept / path.name).write_bytes(path.read_bytes())
            path.unlink()
        results[kind] = (count, faults)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=700, help="damaged files of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that made a fault")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = run(given.count, given.seed, Path(temporary), given.keep)
    for name, (tried, wrong) in found.items():
        print(f"{name:15s} {tried:6d} tried {len(wrong):4d} faults")
        for one in wrong[:3]:
            print(one)
    sys.exit(any(wrong for _, wrong in found.values()))
