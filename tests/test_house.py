"""The house: imports go downward only, files stay small, the shelf stays short."""

import ast
import re
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "vocsep"
DRAWING = HOUSE.parent / "docs" / "architecture.md"

# From the ground up; a wing imports from itself and from the floors below it.
FLOORS = (
    ("errors", "spectra", "precision", "memory"),
    ("media", "source"),
    ("model",),
    ("estimator",),
    ("pitch",),
    ("transcription",),
    ("filtering", "player", "singers"),
    ("methods",),
    ("evaluation", "separation"),
    ("archive", "editing", "pictures", "training"),
    ("fit", "studio"),
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
    too_long = {}
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or 0) - node.lineno + 1
                if count > LONGEST_FUNCTION:
                    too_long[f"{path}:{node.name}"] = count
    assert too_long == {}


def test_the_shelf_is_short() -> None:
    assert len(list(HOUSE.glob("*.py"))) <= SHELF


@pytest.mark.parametrize("package", sorted({path.parent for path in TREES}), ids=str)
def test_every_wing_says_what_it_is_for(package: Path) -> None:
    assert ast.get_docstring(TREES[package / "__init__.py"])


def drawing() -> str:
    """The Mermaid graph of docs/architecture.md."""
    found = re.search(r"```mermaid\n(.*?)```", DRAWING.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "no drawing"
    return found[1]


def drawn_names() -> dict[str, str]:
    """Name of the wing behind each box of the drawing."""
    return dict(re.findall(r'^ {8}(\w+)\["(\w+)"\]$', drawing(), re.MULTILINE))


def test_the_drawing_shows_the_wings_that_exist() -> None:
    files = {path.stem for path in HOUSE.glob("*.py")}
    folders = {path.parent.name for path in HOUSE.glob("*/__init__.py")}
    assert sorted(drawn_names().values()) == sorted(files | folders)


def test_the_drawing_has_the_floors_of_the_house() -> None:
    floors = [re.findall(r'\["(\w+)"\]', box.split("\n", 1)[1]) for box in drawing().split("subgraph")[1:]]
    assert [set(floor) for floor in floors] == [set(wings) for wings in reversed(FLOORS)]


def test_every_arrow_of_the_drawing_is_an_import() -> None:
    names = drawn_names()
    arrows = {(names[a], names[b]) for a, b in re.findall(r"^ +(\w+) --> (\w+)$", drawing(), re.MULTILINE)}
    existing = {(wing(module), wing(other)) for module, below in imports().items() for other in below}
    assert arrows and arrows - existing == set()


def test_every_import_follows_from_the_arrows_of_the_drawing() -> None:
    names = drawn_names()
    known: dict[str, set[str]] = {name: set() for name in names.values()}
    for a, b in re.findall(r"^ +(\w+) --> (\w+)$", drawing(), re.MULTILINE):
        known[names[a]].add(names[b])
    for name in TopologicalSorter(known).static_order():  # from the ground up
        known[name] |= {further for other in set(known[name]) for further in known[other]}
    existing = {(wing(module), wing(other)) for module, below in imports().items() for other in below}
    assert {(a, b) for a, b in existing if a != b and b not in known[a]} == set()
