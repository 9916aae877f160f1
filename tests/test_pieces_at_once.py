"""Pieces at once: the same results in the same order, whoever ends first, and a clean end when one fails."""

import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from tiny import music

from vocsep import memory
from vocsep.memory import Stopped, still_wanted, worked_at_once, worked_in_spans
from vocsep.methods.registry import build_method
from vocsep.methods.settings import MethodSettings
from vocsep.separation.chunk_stems import Recording, separate_chunks
from vocsep.spectra import SAMPLE_RATE

CPU, CARD = torch.device("cpu"), torch.device("cuda")


def no_halves(piece: int) -> list[int]:
    return []


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("pieces", "most", "own"), [(8, 4, 1), (4, 2, 2), (6, 3, 1), (1, 4, 4), (3, 1, 4)])
def test_pieces_come_in_order_and_share_the_threads(
    four_threads: None, pieces: int, most: int, own: int
) -> None:
    inside, highest, lock = 0, 0, threading.Lock()

    def work(piece: int) -> tuple[int, int]:
        nonlocal inside, highest
        with lock:
            inside += 1
            highest = max(highest, inside)
        time.sleep(0.02 * (pieces - piece))  # the first ends last
        with lock:
            inside -= 1
        return piece, torch.get_num_threads()

    found = list(worked_at_once(range(pieces), work, no_halves, CPU, most))
    assert found == [(piece, own) for piece in range(pieces)]
    assert highest == min(pieces, most)
    assert torch.get_num_threads() == 4


def test_what_is_left_for_the_last_round_has_all_threads(four_threads: None) -> None:
    threads = list(worked_at_once(range(5), lambda piece: torch.get_num_threads(), no_halves, CPU, 4))
    assert threads == [1, 1, 1, 1, 4]


def test_a_card_has_one_piece_at_a_time(four_threads: None) -> None:
    own = {threading.get_ident()}
    assert {*worked_at_once(range(3), lambda piece: threading.get_ident(), no_halves, CARD, 4)} == own


@pytest.mark.parametrize("inference", [True, False])
def test_threads_know_whether_gradients_are_wanted(four_threads: None, inference: bool) -> None:
    with torch.inference_mode(inference):
        assert {
            *worked_in_spans([(0, 1), (1, 2)], lambda span: torch.is_inference_mode_enabled(), 1, CPU)
        } == {inference}


def test_the_first_failure_comes_out_and_the_others_are_told_to_stop(four_threads: None) -> None:
    ended, begun = [], []

    def work(piece: int) -> int:
        begun.append(piece)
        if piece == 1:
            raise ValueError("piece 1")
        if piece == 2:
            try:
                while True:
                    still_wanted()
            except Stopped:
                ended.append(piece)
                raise
        return piece

    found = []
    with pytest.raises(ValueError, match="piece 1"):
        for piece in worked_at_once(range(9), work, no_halves, CPU, 2):
            found.append(piece)
    assert found == [0] and ended == [2] and max(begun) < 4  # nobody works on after the end


def test_who_stops_asking_leaves_no_thread(four_threads: None) -> None:
    before = threading.active_count()
    pieces = worked_at_once(range(50), lambda piece: piece, no_halves, CPU, 4)
    assert next(pieces) == 0
    pieces.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before and torch.get_num_threads() == 4


def test_chunks_at_once_are_those_one_after_the_other_and_progress_grows() -> None:
    audio, tracks = music(75.0)
    audio = np.asarray(audio, np.float32)
    method = build_method("comb", MethodSettings())
    recording = Recording(lambda a, n: audio[a : a + n, None], len(audio), SAMPLE_RATE, audio)
    told: dict[int, list[float]] = {1: [], 2: []}

    def stems(threads: int) -> list[np.ndarray]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            chunks = separate_chunks(
                recording, tracks, estimate=method.estimate, device=CPU, progress=told[threads].append
            )
            return [one.stems for one in chunks]
        finally:
            torch.set_num_threads(before)

    one_by_one, at_once = stems(1), stems(2)
    assert len(one_by_one) == 3
    for one, other in zip(one_by_one, at_once, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for shares in told.values():
        assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)


class Asked:
    """Never set; knows who has looked."""

    def __init__(self) -> None:
        self.by: list[str] = []

    def is_set(self) -> bool:
        self.by.append(sys._getframe(2).f_globals["__name__"].removeprefix("vocsep."))
        return False


def looks(seconds: float, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    audio, tracks = music(seconds)
    samples = torch.from_numpy(np.asarray(audio, np.float32))
    method = build_method("source-filter", MethodSettings(adapt=4))
    asked = Asked()
    monkeypatch.setattr(memory._in_work, "stop", asked, raising=False)
    method.estimate(samples, tracks.as_input())
    monkeypatch.setattr(memory._in_work, "stop", None)
    return asked.by


def test_every_stage_of_a_chunk_looks_whether_it_is_wanted_and_the_more_the_longer_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short, long = looks(6.0, monkeypatch), looks(18.0, monkeypatch)
    stages = ("estimator.features", "estimator.voice_block", "estimator.adam", "filtering.postfilter")
    assert set(short) >= {
        *stages,
        "source.excitation",
        "source.unison",
        "source.powers",
        "filtering.regression",
    }
    for block in ("source.excitation", "source.powers", "source.unison", "source.waves"):
        assert long.count(block) >= 1.5 * short.count(block) > 0


def test_who_is_not_in_work_is_always_wanted() -> None:
    still_wanted()
