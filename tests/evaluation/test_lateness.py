"""A stem that is late against its reference is found, and by how much."""

import numpy as np
import pytest
from tiny import music

from vocsep.evaluation.lateness import lag_of, remark_on_lag
from vocsep.evaluation.si_sdr import si_sdr


@pytest.mark.parametrize("lag", [-7999, -400, 0, 1, 400, 8000])
def test_lag_and_what_it_costs_are_those_of_brute_force(lag: int) -> None:
    rng = np.random.default_rng(0)
    reference = music(10)[0]  # longer than a block
    late = np.zeros_like(reference)
    source, target = reference[max(-lag, 0) : len(reference) - max(lag, 0)], max(lag, 0)
    late[target : target + len(source)] = source
    late += 0.002 * rng.standard_normal(len(late)).astype(np.float32)
    found, now, then = lag_of(reference, late)
    assert found == lag
    assert now == pytest.approx(float(si_sdr(reference, late)), abs=0.01)
    assert then >= max(now, 10)  # up to half a second of the voice is lost


def test_what_is_in_time_or_another_voice_gets_no_remark() -> None:
    rng = np.random.default_rng(1)
    reference, other = rng.standard_normal((2, 16000)).astype(np.float32)
    assert remark_on_lag(reference, reference + 0.1 * other) == ""
    assert remark_on_lag(reference, other) == ""
    assert remark_on_lag(reference, np.zeros_like(other)) == ""
    assert "25.0 ms late" in remark_on_lag(reference, np.roll(reference, 400))
    assert "25.0 ms early" in remark_on_lag(reference, np.roll(reference, -400))
