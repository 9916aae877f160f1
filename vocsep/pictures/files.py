"""Written pictures: matplotlib where it is installed, and files that are never half there."""

from pathlib import Path
from typing import Any

from vocsep.errors import DependencyError
from vocsep.media.staging import written_beside

PICTURES = (".png", ".svg", ".pdf")  # what can be written, by suffix


def require_matplotlib(path: Path) -> None:
    """Say at once if the picture ``path`` cannot be drawn.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise DependencyError(
            f'{path.name}: pictures need matplotlib; install it with: python -m pip install "vocsep[plots]"'
        ) from None


def new_figure(path: Path, width: float, height: float) -> Any:
    """An empty matplotlib figure of ``width`` by ``height`` inches, to be written to ``path``.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    require_matplotlib(path)
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def plain_text(text: str) -> str:
    """A title that matplotlib takes as it stands: a bare $ would begin a formula."""
    return text.replace("$", r"\$")


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the suffix of ``path``; written beside it, then renamed."""
    with written_beside(path) as staged:
        figure.savefig(staged, dpi=150)
