"""The rows of the table of paper.py: which method each one is, and what it has learned from.

Methods whose separation begins at random are run with several seeds, as in the paper (section V-A). There
these were its second NMF and its own method, whose masks are made of synthesised noise among other things;
ours come from expected powers, so only the NMF is left.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.paper_songs import Test
from vocsep import Separator
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.fit.fit import FitProgress, FitSettings, checkpoint_of, fit
from vocsep.pitch.estimate import PitchEstimator
from vocsep.spectra import SAMPLE_RATE

FULL, SMALL = "full", "small"  # training sets
UNSUPERVISED = {"from_scratch": True, "supervision": "none"}
SUPERVISED = {"from_scratch": True, "supervision": "full"}
UNET = {"method": "unet", "learning_rate": 1e-3}


@dataclass(frozen=True)
class Row:
    """A way to separate.

    Attributes:
        key: names it on the command line and in the work folder.
        title: for the table.
        method: of `vocsep.Separator`; None: the mixture itself.
        training: name of the training set, if it learns.
        settings: of the fit.
        patience: how many times as long as others it may learn; the U-Net learns the slowest.
        adapt: steps of adaptation on what is separated; None for the default.
        random: begins at random, so several seeds are run.
        listens: finds pitches itself, as in use; what it hears besides the F0 counts.
        oracle: knows the true stems.
    """

    key: str
    title: str
    method: str | None
    training: str | None = None
    settings: dict[str, Any] | None = None
    patience: float = 1.0
    adapt: int | None = None
    random: bool = False
    listens: bool = False

    @property
    def oracle(self) -> bool:
        return self.method is not None and self.method.startswith("oracle-")


ROWS = (
    Row("mixture", "mixture", None),
    Row("comb", "untrained comb", "comb"),
    Row("nmf", "NMF1: score-informed NMF", "nmf"),
    Row("source-filter-nmf", "NMF2: source-filter NMF", "source-filter-nmf", random=True),
    Row("unet", "U-Net, supervised", "unet", FULL, UNET, patience=2),
    Row("unet-small", "U-Net, supervised, small set", "unet", SMALL, UNET, patience=2),
    Row("unsupervised", "ours, unsupervised", "source-filter", FULL, UNSUPERVISED, adapt=0),
    Row("unsupervised-small", "ours, unsupervised, small set", "source-filter", SMALL, UNSUPERVISED, adapt=0),
    Row("supervised", "ours, supervised", "source-filter", FULL, SUPERVISED, adapt=0),
    Row("shipped", "vocsep as shipped, adapting", "source-filter", listens=True),
    Row("oracle-ratio", "oracle ratio mask", "oracle-ratio"),
    Row("oracle-power", "oracle power mask", "oracle-power"),
    Row("oracle-binary", "oracle binary mask", "oracle-binary"),
)


def model_of(row: Row, work: Path) -> Path:
    """Where the model of a row that learns is kept."""
    return work / "models" / f"{row.key}.safetensors"


def train(row: Row, songs: Path, work: Path, minutes: float, quick: bool, seed: int) -> str:
    """Learn the model of a row, unless it is there; goes on where it was stopped."""
    model = model_of(row, work)
    if not model.is_file() or checkpoint_of(model).is_file():
        extra: dict[str, Any] = {"batch": 4, "validate_every": 10} if quick else {}
        settings = FitSettings(
            minutes=row.patience * minutes, seed=seed, device="cpu", **(row.settings or {}), **extra
        )
        resume = checkpoint_of(model).is_file()
        fit(songs, model, settings, resume=resume, progress=_Teller(row.title))
    return row.title


class _Teller:
    """Prints where a training stands, once a minute."""

    def __init__(self, title: str) -> None:
        self.title, self.told = title, time.monotonic()

    def __call__(self, at: FitProgress) -> None:
        if time.monotonic() - self.told >= 60:
            self.told = time.monotonic()
            loss = "" if at.training is None else f", step {at.training.step}, loss {at.training.loss:.3f}"
            print(f"  {self.title}: {at.stage} {at.share_done:.0%}{loss}", flush=True)


def find_f0(test: Test) -> str:
    """Estimate the F0 of a mixture, unless it is there; the number of voices is known, as in the paper."""
    if not test.f0_path.is_file():
        stems = test.stems()
        PitchEstimator(device="cpu").estimate(stems.sum(axis=0), len(stems)).write_csv(test.f0_path)
    return test.name


@dataclass(frozen=True)
class Scores:
    """SI-SDR of a test ``(voices, seconds)`` in dB, NaN where not scored; seconds that separation took."""

    si_sdr: NDArray[np.float64]
    seconds: float


def scores_path(row: Row, test: Test, seed: int, work: Path) -> Path:
    return work / "scores" / row.key / f"{test.folder.name}-{seed}.json"


def evaluate(row: Row, test: Test, seed: int, work: Path) -> str:
    """Separate a mixture and keep its scores, unless they are there."""
    path = scores_path(row, test, seed, work)
    if not path.is_file():
        stems = test.stems()
        mixture = stems.sum(axis=0)
        separator = None if row.method is None else _separator(row, test, seed, work)
        tracks = None if separator is None or row.oracle or row.listens else test.tracks()
        began = time.perf_counter()
        estimate = np.broadcast_to(mixture, stems.shape)
        if separator is not None:
            estimate = separator.separate(mixture, SAMPLE_RATE, len(stems), tracks=tracks).stems
        seconds = time.perf_counter() - began
        scored = si_sdr_per_second(stems, estimate, SAMPLE_RATE)
        known = [[None if np.isnan(value) else value for value in voice] for voice in scored.tolist()]
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_suffix(".tmp")
        staged.write_text(json.dumps({"si_sdr": known, "seconds": seconds}), encoding="utf-8")
        staged.replace(path)
    return f"{row.title}: {test.name}" + (f", seed {seed}" if row.random else "")


def _separator(row: Row, test: Test, seed: int, work: Path) -> Separator:
    model = model_of(row, work) if row.training is not None else None
    stems = test.stem_folder if row.oracle else None
    method, adapt = row.method or "", row.adapt
    # The post-filter has learned from stems, if from synthetic ones: no part of the paper's experiment.
    return Separator(
        model, device="cpu", adapt=adapt, method=method, stems=stems, postfilter=False, seed=seed
    )


def read_scores(row: Row, test: Test, seed: int, work: Path) -> Scores | None:
    """What `evaluate` kept; None where it was not run."""
    path = scores_path(row, test, seed, work)
    if not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Scores(np.array(kept["si_sdr"], dtype=np.float64), float(kept["seconds"]))
