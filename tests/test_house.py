"""The house: imports go downward only, rooms stay small."""

import ast
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

HOUSE = Path(__file__).parents[1] / "vocsep"

# From the ground up; a room imports from its own floor and from those below it.
FLOORS = (
    ("errors", "spectra", "staging", "origin"),
    (
        "source",
        "loss",
        "divergence",
        "decode",
        "audio",
        "stems",
        "chunks",
        "schedule",
        "moments",
        "precision",
    ),
    (
        "multichannel",
        "masks",
        "reverberation",
        "rooms",
        "room_search",
        "confidence",
        "adapt",
        "unison",
        "same_note",
        "estimator",
        "excerpts",
        "explanation",
    ),
    ("model", "postfilter", "explain", "accompaniment", "objectives", "training", "baselines"),
    ("pitch", "singers", "unet_training"),
    (
        "methods",
        "passages",
        "results",
        "listening",
        "filing",
        "pictures",
        "voices_training",
        "postfilter_lessons",
        "postfilter_training",
    ),
    ("evaluation",),
    ("pitch_scores", "songs", "stem_levels", "parts", "analysis_cache", "song_reader", "recordings"),
    ("separate", "fit_settings", "fit_result", "learners", "fit_run", "fit", "report", "score_plots"),
    ("__init__",),
    ("commands", "cli", "__main__"),
)


def imports() -> dict[str, set[str]]:
    """Which modules of ours each module imports, ``vocsep.`` left out; also inside functions."""
    edges: dict[str, set[str]] = defaultdict(set)
    for path in sorted(HOUSE.rglob("*.py")):
        name = ".".join(path.relative_to(HOUSE).with_suffix("").parts)
        edges[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("vocsep."):
                edges[name].add(node.module.removeprefix("vocsep."))
    return edges


def floor(module: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if module.split(".")[0] in rooms)


def test_no_module_imports_itself_on_the_way_round() -> None:
    assert list(TopologicalSorter(imports()).static_order())  # raises CycleError


def test_imports_go_downward() -> None:
    upward = [(a, b) for a, below in imports().items() for b in below if floor(b) > floor(a)]
    assert upward == []


def test_rooms_are_small() -> None:
    paths = {path.relative_to(HOUSE): path for path in HOUSE.rglob("*.py")}
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in paths.items()}
    assert {name: count for name, count in lines.items() if count > 250} == {}
