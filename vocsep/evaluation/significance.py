"""Are the means of two methods' scores different? The tests of the paper, section V-A and figure 5.

For each pair of methods a two-sided t-test on the scores of all seconds and voices: Student's where a Levene
test finds no difference of variances, otherwise Welch's. As in the paper the seconds count as independent of
each other and p-values are not corrected for the number of pairs: read small ones with that in mind.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import levene, ttest_ind

LEVEL = 0.05  # p-value of the Levene test under which variances count as different


@dataclass(frozen=True)
class Comparison:
    """A pair of methods.

    Attributes:
        first: name of a method.
        second: name of another.
        difference: mean of the first minus mean of the second, in dB.
        levene_p: p-value of the Levene test.
        test: ``student`` or ``welch``; ``none`` where a test is impossible, because a method has fewer than
            two scores, or no score differs from its method's others. All other figures are then NaN.
        statistic: t.
        p: two-sided p-value.
    """

    first: str
    second: str
    difference: float
    levene_p: float
    test: str
    statistic: float
    p: float


def compare(scores: Mapping[str, NDArray[np.float64]]) -> list[Comparison]:
    """Test each pair of methods.

    Args:
        scores: of each method, dB in any shape; NaN is left out.

    Returns:
        One for each pair, in the order of ``scores``.

    >>> scores = {"a": np.array([1.0, 2.0, 3.0, 4.0]), "b": np.array([2.0, 3.0, 4.0, 5.0])}
    >>> [(one.difference, one.test, round(one.p, 4)) for one in compare(scores)]
    [(-1.0, 'student', 0.3153)]
    """
    finite = {name: values[np.isfinite(values)] for name, values in scores.items()}
    return [_test(one, other, finite[one], finite[other]) for one, other in combinations(finite, 2)]


def p_matrix(comparisons: Sequence[Comparison], names: Sequence[str]) -> NDArray[np.float64]:
    """p-values of all pairs, ``(methods, methods)``, symmetric; NaN on the diagonal."""
    matrix = np.full((len(names), len(names)), np.nan)
    for one in comparisons:
        row, column = names.index(one.first), names.index(one.second)
        matrix[row, column] = matrix[column, row] = one.p
    return matrix


def p_text(p: float) -> str:
    """A p-value as people read it.

    >>> p_text(0.21544), p_text(3.94e-4), p_text(0.0), p_text(float("nan"))
    ('0.22', '3.9e-4', '<1e-300', '-')
    """
    if np.isnan(p):
        return "-"
    if p < 1e-300:
        return "<1e-300"
    return f"{p:.2g}" if p >= 1e-3 else f"{p:.1e}".replace("e-0", "e-")


def _test(first: str, second: str, a: NDArray[np.float64], b: NDArray[np.float64]) -> Comparison:
    nan = float("nan")
    difference = float(a.mean() - b.mean()) if a.size and b.size else nan
    if min(a.size, b.size) < 2 or max(np.ptp(a), np.ptp(b)) == 0:
        return Comparison(first, second, difference, nan, "none", nan, nan)
    levene_p = float(levene(a, b).pvalue)  # about medians, which suits skewed scores (Brown and Forsythe)
    equal = not levene_p < LEVEL
    with warnings.catch_warnings():  # one method's scores may be all the same, -60 dB of silence for one
        warnings.simplefilter("ignore", RuntimeWarning)
        result = ttest_ind(a, b, equal_var=equal)
    test = "student" if equal else "welch"
    return Comparison(
        first, second, difference, levene_p, test, float(result.statistic), float(result.pvalue)
    )
