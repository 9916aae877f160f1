"""Viterbi's recursion in chunks: whatever the costs, the path is that of one pass over all frames."""

import numpy as np
import pytest

from vocsep.pitch import chunked_viterbi
from vocsep.pitch.candidates import Candidates
from vocsep.pitch.chunked_viterbi import LONGEST, WARM, Advance, Survivors, survivors_of_frames
from vocsep.pitch.viterbi import assign_viterbi


def plain_path(cost: np.ndarray, step: np.ndarray) -> list[int]:
    """Textbook recursion: one frame after the other, in double precision."""
    total, back = cost[0].astype(np.float64), []
    for here in cost[1:]:
        reached = total[:, None] + step
        back.append(reached.argmin(axis=0))
        total = reached.min(axis=0) + here
    path = [int(total.argmin())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return path[::-1]


def cost_of(path: list[int], cost: np.ndarray, step: np.ndarray) -> float:
    return float(cost[np.arange(len(path)), path].sum() + step[path[:-1], path[1:]].sum())


def recursion(cost: np.ndarray, step: np.ndarray, asked: list[int] | None = None) -> Advance:
    """The same, a step for several chunks; ``asked`` counts for how many frames."""
    states = np.arange(cost.shape[1], dtype=np.int32)

    def advance(at: np.ndarray, before: Survivors | None) -> Survivors:
        if asked is not None:
            asked.append(len(at))
        names = np.broadcast_to(states, (len(at), len(states)))
        if before is None:
            return Survivors(names, cost[at].astype(np.float32), np.zeros(names.shape, np.int16))
        reached = before.costs[..., None] + step
        costs = reached.min(axis=1) + cost[at]
        costs -= costs.min(axis=1, keepdims=True)
        return Survivors(names, costs.astype(np.float32), reached.argmin(axis=1).astype(np.int16))

    return advance


@pytest.mark.parametrize(
    "frames", [1, 2, WARM, WARM + 1, WARM + LONGEST, WARM + LONGEST + 1, 2 * LONGEST, 300 * LONGEST + 7]
)
def test_the_path_is_that_of_one_pass(frames: int) -> None:
    rng = np.random.default_rng(frames)
    cost, step = rng.uniform(0, 1, (frames, 6)), rng.uniform(0, 2, (6, 6)) * ~np.eye(6, dtype=np.bool_)
    found = survivors_of_frames(frames, recursion(cost, step))
    assert found.path().tolist() == plain_path(cost, step)


@pytest.mark.parametrize("seed", range(3))
def test_the_path_is_that_of_one_pass_where_chunks_never_forget(seed: int) -> None:
    """Nobody changes from one half of the states to the other; what decides is long ago, or yet to come."""
    rng = np.random.default_rng(seed)
    frames, half = 7 * LONGEST, np.arange(6) // 3
    step = np.where(half[:, None] == half, np.tile(rng.uniform(0.5, 1, (3, 3)), (2, 2)), 100.0)
    cost = np.repeat(rng.uniform(0, 1, (frames, 3)), 2, axis=1).reshape(frames, 3, 2)
    cost = cost.transpose(0, 2, 1).reshape(frames, 6)  # both halves cost the same
    cost[rng.integers(frames), 3 * rng.integers(2)] += 5.0
    cost[5, 3 * (seed % 2) : 3 * (seed % 2) + 3] += 50.0
    found = survivors_of_frames(frames, recursion(cost, step))
    path = found.path().tolist()
    assert cost_of(path, cost, step) == pytest.approx(cost_of(plain_path(cost, step), cost, step), abs=1e-4)
    assert (half[path] != seed % 2).all()


def test_chunks_that_have_forgotten_their_beginning_are_done_once() -> None:
    frames = 20 * LONGEST
    cost = np.random.default_rng(0).uniform(0, 1, (frames, 6))
    asked: list[int] = []
    survivors_of_frames(frames, recursion(cost, np.zeros((6, 6)), asked))
    assert sum(asked) <= frames * (1 + 2 * WARM / LONGEST)
    assert len(asked) < frames / 5  # several frames in each step


@pytest.mark.parametrize("voices", [1, 2, 4, 5])
def test_voices_are_assigned_as_in_one_pass(voices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some states are dropped in every frame; which ones may not depend on where a chunk begins."""
    rng = np.random.default_rng(voices)
    frames, count = 5 * LONGEST, 6
    held = np.repeat(rng.uniform(45, 75, (frames // 40 + 1, count)), 40, axis=0)[:frames]
    pitch = np.sort(held + rng.normal(0, 0.1, held.shape), axis=1)
    candidates = Candidates(pitch, rng.uniform(0.2, 0.9, pitch.shape))
    found = assign_viterbi(candidates, voices)
    monkeypatch.setattr(chunked_viterbi, "LONGEST", frames)
    np.testing.assert_array_equal(found, assign_viterbi(candidates, voices))
