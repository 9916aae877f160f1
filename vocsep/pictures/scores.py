"""The picture of an evaluation: how the scores of each method spread, and which differ in the mean.

Violins and boxes as in figure 4 of the paper, p-values as in its figure 5.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.evaluation.significance import LEVEL, Comparison, p_matrix, p_text
from vocsep.pictures.files import new_figure, plain_text, save_figure

BODY, BOX, MEAN = "#8db8dc", "#1f3f66", "#d55e00"
PERCENTILES = (1, 25, 50, 75, 99)  # whisker, box, median, box, whisker
VIOLIN, CELL = 1.1, 0.85  # inches, width for a method in either part of the picture


def write_score_plot(
    scores: Mapping[str, NDArray[np.float64]],
    comparisons: Sequence[Comparison],
    path: Path,
    *,
    metric: str,
    title: str = "",
) -> None:
    """Write violins of the scores of some methods and, if there are several, their p-values.

    Args:
        scores: of each method, dB in any shape; NaN is left out.
        comparisons: of each pair of methods.
        path: a PNG, SVG or PDF file, replaced if it is there.
        metric: what the scores are called.
        title: heading, may be empty.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    names, count = list(scores), len(scores)
    violins, matrix = max(4.0, 1.2 + VIOLIN * count), 1.8 + CELL * count
    figure = new_figure(path, violins + (matrix if comparisons else 0), 4.8)
    if comparisons:
        left, right = figure.subplots(1, 2, width_ratios=(violins, matrix))
        _draw_p_values(right, p_matrix(comparisons, names), names)
    else:
        left = figure.add_subplot()
    _draw_violins(left, scores, metric)
    if title:
        figure.suptitle(plain_text(title), fontsize="medium")
    save_figure(figure, path)


def _draw_violins(axes: Any, scores: Mapping[str, NDArray[np.float64]], metric: str) -> None:
    """Over the whole range the density; boxes from quartile to quartile, whiskers from 1 to 99 %."""
    finite = [values[np.isfinite(values)] for values in scores.values()]
    for place, values in enumerate(finite, start=1):
        if not values.size:
            continue
        if np.ptp(values) > 0:  # equal scores have no density
            violin = axes.violinplot([values], positions=[place], widths=0.85, showextrema=False)
            for body in violin["bodies"]:
                body.set(facecolor=BODY, edgecolor=BODY, alpha=1.0)
        low, first, median, third, high = np.percentile(values, PERCENTILES)
        box = {"whislo": low, "q1": first, "med": median, "q3": third, "whishi": high}
        axes.bxp(
            [box | {"mean": float(values.mean())}],
            positions=[place],
            widths=0.2,
            showfliers=False,
            showmeans=True,
            patch_artist=True,
            boxprops={"facecolor": "white", "edgecolor": BOX},
            whiskerprops={"color": BOX},
            capprops={"color": BOX},
            medianprops={"color": "black", "linewidth": 2},
            meanprops={"marker": "D", "markersize": 4, "markerfacecolor": MEAN, "markeredgecolor": MEAN},
        )
        text = f"{values.mean():.1f} / {median:.1f}"
        axes.annotate(
            text, (place, 1), (0, 2), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="bottom", fontsize="small",
        )  # fmt: skip
    _name_methods(axes, range(1, len(finite) + 1), list(scores))
    axes.set_xlim(0.4, len(finite) + 0.6)
    axes.set_ylabel(f"{metric} in dB, every second of every voice")
    axes.set_xlabel("above: mean / median; diamond: mean, black line: median", fontsize="small")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)


def _draw_p_values(axes: Any, matrix: NDArray[np.float64], names: Sequence[str]) -> None:
    """Cells are shaded where means differ at the level of 5 %."""
    differs = np.where(np.isnan(matrix), np.nan, matrix < LEVEL)
    from matplotlib.colors import ListedColormap

    axes.imshow(differs, aspect="auto", cmap=ListedColormap(["#f4f4f4", BODY]), vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(np.isfinite(matrix)), strict=True):
        axes.text(column, row, p_text(matrix[row, column]), ha="center", va="center", fontsize="small")
    _name_methods(axes, range(len(names)), names)
    axes.set_yticks(range(len(names)), [plain_text(name) for name in names])
    axes.set_title(f"p-values of t-tests, blue: below {LEVEL:g}", fontsize="medium")


def _name_methods(axes: Any, places: Sequence[int], names: Sequence[str]) -> None:
    axes.set_xticks(
        places, [plain_text(name) for name in names], rotation=30, ha="right", rotation_mode="anchor"
    )
