"""The table of paper.py as Markdown: scores of each row, p-values of each pair, and how they came about."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import scipy
import torch
from numpy.typing import NDArray

import vocsep
from benchmarks.paper_rows import ROWS, Row, Scores, model_of, read_scores
from benchmarks.paper_songs import Test
from vocsep.evaluation.significance import compare, p_matrix, p_text
from vocsep.model import load_model
from vocsep.spectra import SAMPLE_RATE

UNTESTED = ("mixture", "oracle-ratio", "oracle-power", "oracle-binary")  # no methods, so no p-values


def seeds_of(row: Row, seeds: int) -> range:
    """The seeds that a row is run with."""
    return range(seeds if row.random else 1)


def tables(tests: Sequence[Test], seeds: int, work: Path) -> str:
    """All that is known so far: for each group of tests one table of scores and one of p-values."""
    lines: list[str] = []
    for group in dict.fromkeys(test.group for test in tests):
        members = [test for test in tests if test.group == group]
        music = sum(test.stems().shape[1] for test in members) / SAMPLE_RATE
        known = {row.key: _all(row, members, seeds, work) for row in ROWS}
        known = {key: scores for key, scores in known.items() if scores}
        if not known:
            continue
        lines += [f"### {group}: {len(members)} recordings, {music / 60:.1f} min", ""]
        lines += [*_scores(known, music, len(members), seeds), ""]
        lines += _p_values({key: _pooled(scores) for key, scores in known.items()})
    return "\n".join(lines)


def learned(work: Path) -> str:
    """What each model has heard and for how long it learned, as its card says."""
    lines = ["| learned | songs | music | steps (best) | learned for |", "|---|---|---|---|---|"]
    for row in ROWS:
        path = model_of(row, work)
        if row.training is None or not path.is_file():
            continue
        figures = load_model(path, "unet" if row.method == "unet" else "voices").card["figures"]
        music, spent = (f"{figures[name] / 60:.1f} min" for name in ("recorded_seconds", "seconds"))
        steps = f"{figures['steps']} ({figures['best_step']})"
        lines.append(f"| {row.title} | {figures['recordings']} | {music} | {steps} | {spent} |")
    return "\n".join([*lines, "", ""]) if len(lines) > 2 else ""


def _all(row: Row, tests: Sequence[Test], seeds: int, work: Path) -> list[Scores]:
    found = [read_scores(row, test, seed, work) for test in tests for seed in seeds_of(row, seeds)]
    return [scores for scores in found if scores is not None]


def _pooled(scores: Sequence[Scores]) -> NDArray[np.float64]:
    """The scored seconds of all voices, recordings and seeds: the paper's data points."""
    values = np.concatenate([one.si_sdr.ravel() for one in scores])
    return np.asarray(values[np.isfinite(values)])


def _scores(known: Mapping[str, list[Scores]], music: float, tests: int, seeds: int) -> list[str]:
    lines = [
        "| method | SI-SDR mean | median | quartiles | scored seconds | seeds | time / music |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        if row.key not in known:
            continue
        scores, runs = known[row.key], len(seeds_of(row, seeds))
        pooled = _pooled(scores)
        low, high = np.percentile(pooled, (25, 75)) if pooled.size else (np.nan, np.nan)
        mean, median = (pooled.mean(), np.median(pooled)) if pooled.size else (np.nan, np.nan)
        missing = tests * runs - len(scores)
        title = row.title + (f" ({missing} of {tests * runs} runs missing)" if missing else "")
        pace = "" if missing else f"{sum(one.seconds for one in scores) / runs / music:.2f}"
        spread = f"{low:.1f} .. {high:.1f}"
        lines.append(f"| {title} | {mean:.2f} | {median:.2f} | {spread} | {pooled.size} | {runs} | {pace} |")
    return lines


def _p_values(pooled: Mapping[str, NDArray[np.float64]]) -> list[str]:
    """Matrix of p-values (the paper's figure 5)."""
    keys = [key for key in pooled if key not in UNTESTED]
    if len(keys) < 2:
        return []
    matrix = p_matrix(compare({key: pooled[key] for key in keys}), keys)
    lines = [
        "p-values, two-sided (Student's t-test, Welch's where a Levene test tells variances apart):",
        "",
        "| | " + " | ".join(keys) + " |",
        "|---" * (len(keys) + 1) + "|",
    ]
    lines += [
        f"| {key} | " + " | ".join(p_text(float(p)) for p in matrix[n]) + " |" for n, key in enumerate(keys)
    ]
    return [*lines, ""]


def heading(command: str, times: Mapping[str, float], songs: str) -> str:
    """How the figures came about; ``songs`` says what networks learned from."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    packages = ", ".join(
        f"{package.__name__} {package.__version__}" for package in (vocsep, torch, np, scipy)
    )
    took = ", ".join(f"{stage} {seconds / 60:.1f} min" for stage, seconds in times.items())
    return "\n".join(
        [
            "## The paper's experiment",
            "",
            f"- {now}; {packages}, Python {platform.python_version()}; {os.cpu_count()} cores, "
            f"{platform.machine()} {platform.system()}",
            f"- command: `{command}`",
            f"- took: {took} (of this run alone; what the work folder held already is not counted)",
            "- SI-SDR in dB of windows of one second, without those more than 20 dB below the voice's mean "
            "energy; F0 of all methods as vocsep estimates them from the mixture",
            f"- networks that are trained here learn from {songs}, and separate both four voices and two",
            "",
        ]
    )
