"""Out of memory: smaller pieces by itself, and one line where none is small enough. What is freed is kept."""

import gc
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from tiny import music

from vocsep.errors import SettingsError
from vocsep.memory import halved, keep_freed_memory, no_garbage_in_imports, worked_in_pieces
from vocsep.methods.registry import build_method
from vocsep.methods.settings import MethodSettings
from vocsep.separation.chunk_stems import OverlapAdd, Recording, separate_chunks
from vocsep.separation.chunks import FADE, halves, plan_chunks
from vocsep.spectra import SAMPLE_RATE

# Page faults of twenty blocks of 40 MB, which glibc maps by themselves unless it is told otherwise, after
# the first.
FAULTS = """
import resource, sys
import numpy as np
from vocsep.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
np.ones(5_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(5_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


class Worker:
    """Adds up a span, if it is no longer than its memory."""

    def __init__(self, most: int) -> None:
        self.most, self.tried = most, 0

    def __call__(self, span: tuple[int, int]) -> tuple[int, int]:
        self.tried += 1
        if span[1] - span[0] > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has")
        return span


@pytest.mark.parametrize("most", [100, 40, 7])
def test_pieces_are_halved_until_they_fit_and_cover_the_same(most: int) -> None:
    worker = Worker(most)
    done = list(worked_in_pieces([(0, 100), (100, 130)], worker, lambda span: halved(span, 2)))
    assert done[0][0] == 0 and done[-1][1] == 130
    assert all(before[1] == after[0] for before, after in pairwise(done))
    assert max(last - first for first, last in done) <= most
    assert worker.tried < 4 * len(done)


def test_where_nothing_is_small_enough_one_line_says_so() -> None:
    with pytest.raises(SettingsError, match=r"out of memory.*--device cpu") as raised:
        list(worked_in_pieces([(0, 100)], Worker(1), lambda span: halved(span, 10)))
    assert "\n" not in str(raised.value) and "Tried to allocate" not in str(raised.value)


def test_halves_of_a_chunk_meet_on_an_even_second_and_add_up() -> None:
    for chunk in plan_chunks(75.3):
        first, second = halves(chunk)
        edge = first.last - FADE
        assert edge == second.first + FADE and edge % 2 == 0
        assert (first.begin, second.end) == (chunk.begin, chunk.end)
        assert (first.fades_in, second.fades_out) == (chunk.fades_in, chunk.fades_out)
    assert halves(plan_chunks(6.0)[0]) == []


def test_a_separation_out_of_memory_goes_on_in_smaller_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    audio, tracks = music(18.0)
    audio = np.asarray(audio, np.float32)
    method = build_method("comb", MethodSettings())
    estimate = method.estimate.estimate
    lengths: list[int] = []

    def small(excerpt, progress):  # type: ignore[no-untyped-def]
        lengths.append(len(excerpt.mixture))
        if len(excerpt.mixture) > 14 * SAMPLE_RATE:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to")
        return estimate(excerpt, progress)

    def stems() -> np.ndarray:
        recording = Recording(lambda a, n: audio[a : a + n, None], len(audio), SAMPLE_RATE, audio)
        chunks = separate_chunks(recording, tracks, estimate=method.estimate, device=torch.device("cpu"))
        join = OverlapAdd(SAMPLE_RATE)
        return np.concatenate([join.join(one.stems, one.chunk) for one in chunks], axis=1)

    whole = stems()
    monkeypatch.setattr(
        method.estimate.__class__, "estimate", lambda self, excerpt, told: small(excerpt, told)
    )
    parts = stems()
    assert len(lengths) == 3 and lengths[0] > 14 * SAMPLE_RATE >= max(lengths[1:])
    np.testing.assert_allclose(parts.sum(axis=0)[:, 0], audio, atol=1e-4)
    assert np.abs(parts - whole).max() < 0.5 * np.abs(whole).max()


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_block_that_was_freed_is_not_mapped_anew() -> None:
    if not keep_freed_memory():
        pytest.skip("this C library's malloc has no mallopt")
    assert faults("kept") < 0.2 * faults("as it is")


def test_garbage_is_looked_for_again_after_imports_and_even_if_they_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    try:
        with pytest.raises(ImportError), no_garbage_in_imports():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled() and gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_imports_of_what_is_there_leave_the_collector_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch)
    frozen = gc.get_freeze_count()
    with no_garbage_in_imports():
        assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
