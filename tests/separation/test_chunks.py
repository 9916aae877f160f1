"""Chunks cover a recording of any length, and their weights add up to one."""

from itertools import pairwise

import numpy as np
import pytest

from vocsep.separation.chunks import CONTEXT, FADE, LENGTH, plan_chunks

SECONDS = [0.016, 1.0, LENGTH - 0.1, LENGTH, 1.9 * LENGTH, 2 * LENGTH, 2.5 * LENGTH, 301.7]
RATES = [8_000, 11_025, 22_050, 44_100]


def weight_of_each_sample(seconds: float, rate: int, length: int = LENGTH) -> np.ndarray:
    samples = round(seconds * rate)
    total = np.zeros(samples)
    chunks = plan_chunks(samples / rate, length)
    for index, chunk in enumerate(chunks):
        first = chunk.first * rate
        last = samples if index + 1 == len(chunks) else int(chunk.last) * rate
        weights = chunk.weights(rate, last - first)
        assert weights.shape == (last - first, 1) and weights.dtype == np.float32
        assert weights.min() >= 0 and weights.max() <= 1
        total[first:last] += weights[:, 0]
    return total


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("rate", RATES)
def test_weights_add_up_to_one_everywhere(seconds: float, rate: int) -> None:
    np.testing.assert_allclose(weight_of_each_sample(seconds, rate), 1.0, atol=1e-6)


@pytest.mark.parametrize("length", [4, 6, 10])
def test_weights_of_short_chunks_add_up_to_one(length: int) -> None:
    for seconds in np.arange(0.1, 31.0, 0.53):
        np.testing.assert_allclose(weight_of_each_sample(float(seconds), 100, length), 1.0, atol=1e-6)


@pytest.mark.parametrize("seconds", SECONDS)
def test_chunks_know_what_they_are_heard_in_and_more(seconds: float) -> None:
    chunks = plan_chunks(seconds)
    assert chunks[0].begin == chunks[0].first == 0 and not chunks[0].fades_in
    assert chunks[-1].end == chunks[-1].last == seconds and not chunks[-1].fades_out
    for before, after in pairwise(chunks):
        assert before.fades_out and after.fades_in
        assert before.last - after.first == 2 * FADE  # heard together
        assert before.end - before.last == after.first - after.begin == CONTEXT - FADE
    for chunk in chunks:
        assert 0 <= chunk.begin <= chunk.first < chunk.last <= chunk.end <= seconds


@pytest.mark.parametrize("seconds", SECONDS)
def test_edges_lie_where_the_grids_of_frames_and_samples_meet(seconds: float) -> None:
    for chunk in plan_chunks(seconds):
        assert chunk.begin % 2 == 0  # 2 s are 125 frames
        assert (chunk.first + FADE * chunk.fades_in) % 2 == 0


@pytest.mark.parametrize("seconds", [600.0, 3_600.0, 36_000.0])
def test_no_chunk_grows_with_the_recording(seconds: float) -> None:
    chunks = plan_chunks(seconds)
    assert max(chunk.end - chunk.begin for chunk in chunks) <= 2 * LENGTH + 2 * CONTEXT
    assert len(chunks) <= seconds / LENGTH + 1
