"""Which methods differ: scipy called directly, and the decision between two t-tests."""

import numpy as np
import pytest
import scipy.stats

from vocsep.evaluation.significance import compare, p_matrix, p_text


@pytest.fixture
def scores() -> dict[str, np.ndarray]:
    """Three methods: a and b vary alike, c varies more; some seconds are not scored."""
    generator = np.random.default_rng(3)
    scores = {
        "a": generator.normal(5.0, 3.0, (4, 50)),
        "b": generator.normal(6.0, 3.0, (4, 50)),
        "c": generator.normal(6.0, 9.0, (4, 40)),
    }
    scores["a"][0, :7] = np.nan
    return scores


def test_the_tests_are_scipys(scores: dict[str, np.ndarray]) -> None:
    pairs = compare(scores)
    assert [(one.first, one.second) for one in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [one.test for one in pairs] == ["student", "welch", "welch"]
    for one in pairs:
        first, second = (scores[name][np.isfinite(scores[name])] for name in (one.first, one.second))
        expected = scipy.stats.ttest_ind(first, second, equal_var=one.test == "student")
        assert (one.statistic, one.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)
        assert one.levene_p == pytest.approx(scipy.stats.levene(first, second).pvalue, rel=1e-12)
        assert (one.levene_p < 0.05) == (one.test == "welch")
        assert one.difference == pytest.approx(first.mean() - second.mean())


def test_the_matrix_is_symmetric_and_empty_on_its_diagonal(scores: dict[str, np.ndarray]) -> None:
    pairs = compare(scores)
    matrix = p_matrix(pairs, list(scores))
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.isnan(np.diag(matrix)).all()
    assert [matrix[0, 1], matrix[0, 2], matrix[1, 2]] == [one.p for one in pairs]


def test_the_order_of_methods_changes_signs_only(scores: dict[str, np.ndarray]) -> None:
    forth = compare({"a": scores["a"], "c": scores["c"]})[0]
    back = compare({"c": scores["c"], "a": scores["a"]})[0]
    assert (back.p, back.levene_p) == pytest.approx((forth.p, forth.levene_p))
    assert (back.difference, back.statistic) == pytest.approx((-forth.difference, -forth.statistic))


def test_a_method_equal_to_itself_does_not_differ(scores: dict[str, np.ndarray]) -> None:
    (same,) = compare({"a": scores["a"], "again": scores["a"]})
    assert (same.p, same.difference) == (1, 0)


def test_where_no_test_is_possible_none_is_made(scores: dict[str, np.ndarray]) -> None:
    silent, nothing, single = np.full(9, -60.0), np.full(9, np.nan), np.array([3.0])
    for other in (nothing, single):
        (pair,) = compare({"a": scores["a"], "other": other})
        assert pair.test == "none" and np.isnan([pair.p, pair.statistic, pair.levene_p]).all()
    (pair,) = compare({"silent": silent, "too": silent})
    assert pair.test == "none" and pair.difference == 0 and np.isnan(pair.p)
    (pair,) = compare({"a": scores["a"], "silent": silent})  # one of both may be constant
    assert pair.test == "welch" and pair.p < 1e-50


@pytest.mark.parametrize(
    ("p", "text"), [(1.0, "1"), (0.9507, "0.95"), (0.0335, "0.034"), (1.63e-18, "1.6e-18"), (4e-4, "4.0e-4")]
)
def test_p_values_are_short(p: float, text: str) -> None:
    assert p_text(p) == text
