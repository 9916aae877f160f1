"""The house: imports go downward only, files stay small, the shelf stays short."""

import ast
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "vocsep"

# From the ground up; a wing imports from itself and from the floors below it.
FLOORS = (
    ("errors", "spectra", "precision"),
    ("media", "source"),
    ("model",),
    ("estimator",),
    ("pitch",),
    ("transcription",),
    ("filtering", "singers"),
    ("methods",),
    ("evaluation", "separation"),
    ("editing", "pictures", "training"),
    ("fit",),
    ("__init__", "commands", "cli", "__main__"),
)
LONGEST_FILE, LONGEST_FUNCTION = 250, 60  # lines
SHELF = 8  # Python files that lie directly in the package

TREES = {path.relative_to(HOUSE): ast.parse(path.read_text(encoding="utf-8")) for path in HOUSE.rglob("*.py")}


def imports() -> dict[str, set[str]]:
    """Which modules of ours each module imports, ``vocsep.`` left out; also inside functions."""
    edges: dict[str, set[str]] = defaultdict(set)
    for path, tree in TREES.items():
        name = ".".join(path.with_suffix("").parts)
        edges[name] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("vocsep."):
                edges[name].add(node.module.removeprefix("vocsep."))
    return edges


def wing(module: str) -> str:
    return module.split(".")[0]


def floor(module: str) -> int:
    return next(number for number, wings in enumerate(FLOORS) if wing(module) in wings)


def test_no_module_imports_itself_on_the_way_round() -> None:
    assert list(TopologicalSorter(imports()).static_order())  # raises CycleError


def test_imports_go_downward() -> None:
    upward = [(a, b) for a, below in imports().items() for b in below if floor(b) > floor(a)]
    assert upward == []


def test_wings_of_one_floor_do_not_lean_on_each_other() -> None:
    wings: dict[str, set[str]] = defaultdict(set)
    for module, below in imports().items():
        wings[wing(module)] |= {wing(other) for other in below} - {wing(module)}
    assert list(TopologicalSorter(wings).static_order())  # raises CycleError


def test_files_are_small() -> None:
    lines = {path: len((HOUSE / path).read_text(encoding="utf-8").splitlines()) for path in TREES}
    assert {path: count for path, count in lines.items() if count > LONGEST_FILE} == {}


def test_functions_fit_on_a_screen() -> None:
    """Commands are left out: their options are lines, and Typer wants them in the signature."""
    too_long = {}
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or 0) - node.lineno + 1
                if count > LONGEST_FUNCTION and path.parts[0] != "commands":
                    too_long[f"{path}:{node.name}"] = count
    assert too_long == {}


def test_the_shelf_is_short() -> None:
    assert len(list(HOUSE.glob("*.py"))) <= SHELF


@pytest.mark.parametrize("package", sorted({path.parent for path in TREES}), ids=str)
def test_every_wing_says_what_it_is_for(package: Path) -> None:
    assert ast.get_docstring(TREES[package / "__init__.py"])
