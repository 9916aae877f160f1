"""The pages: what they name exists, and what they show works."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vocsep import Separator
from vocsep.methods import protocol
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/methods.md",
    "docs/scale.md",
    "docs/studio.md",
    "docs/measurements.md",
)


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_files_that_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    linked = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in linked if not ((ROOT / page).parent / link).exists()] == []
    named = re.findall(r"\b((?:vocsep|tests|benchmarks|docs|models)/[\w/]+\.\w+)", text)
    assert [name for name in named if not (ROOT / name).exists() and "my_method" not in name] == []


def test_the_method_that_contributors_are_shown_separates() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"dataclass": dataclass, "torch": torch, "HOP": HOP, "MASK_FFT": MASK_FFT}
    exec(example, {**vars(protocol), **names}, names)
    separator = Separator(method="comb", device="cpu")
    separator.method = replace(separator.method, estimate=names["EqualShares"]())
    mixture = np.random.default_rng(0).uniform(-0.5, 0.5, SAMPLE_RATE).astype(np.float32)
    tracks = F0Tracks(np.repeat([[400.0], [300.0], [200.0], [100.0]], SAMPLE_RATE // HOP + 1, axis=1))
    stems = separator.separate(mixture, SAMPLE_RATE, tracks=tracks).stems
    np.testing.assert_allclose(stems, np.broadcast_to(mixture / 4, stems.shape), atol=1e-5)
