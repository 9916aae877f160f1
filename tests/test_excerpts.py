"""Excerpts: aligned with their F0, loud enough, and held-out ones apart from those that are learned."""

import itertools

import numpy as np
import pytest
import torch

from vocsep.excerpts import ExcerptPool, Track, excerpt_frames, usable_starts
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count


def track(seconds: float, voices: int = 2, seed: int = 0) -> Track:
    """Noise, with the number of the nearest frame (plus 100 for each voice) as F0."""
    samples = int(seconds * SAMPLE_RATE)
    audio = np.random.default_rng(seed).uniform(-0.1, 0.1, samples).astype(np.float32)
    f0 = (
        1.0
        + np.arange(frame_count(samples), dtype=np.float32)
        + 10_000 * np.arange(voices, dtype=np.float32)[:, None]
    )
    return Track(f"{seconds} s", audio, f0)


def first(
    pool: ExcerptPool, batches: int = 20, batch: int = 4, seed: int = 0
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    drawn = itertools.islice(pool.batches(batch, torch.Generator().manual_seed(seed)), batches)
    return [(excerpts.mixture, excerpts.f0) for excerpts in drawn]


def test_an_excerpt_and_its_f0_start_on_the_same_frame() -> None:
    recording = track(20.0)
    for mixture, f0 in first(ExcerptPool([recording], seconds=1.0)):
        assert f0.shape == (4, 2, frame_count(mixture.shape[1]))
        for signal, frequencies in zip(mixture, f0, strict=True):
            start = int(frequencies[0, 0]) - 1  # the F0 of these recordings counts frames
            expected = recording.audio[start * HOP : start * HOP + len(signal)]
            assert np.allclose(signal, expected / np.abs(expected).max(), atol=1e-6)
            assert torch.equal(frequencies[0], 1.0 + torch.arange(start, start + f0.shape[2]))


def test_the_peak_of_each_excerpt_is_one() -> None:
    for mixture, _ in first(ExcerptPool([track(10.0)], seconds=1.0), batches=3):
        assert torch.allclose(mixture.abs().amax(dim=1), torch.ones(4))


def test_held_out_excerpts_share_no_sample_with_those_learned() -> None:
    pool = ExcerptPool([track(30.0), track(17.0)], seconds=1.0, held_out=0.2)
    judged = torch.zeros(2, 4000, dtype=torch.bool)
    for n, start in pool.judged:
        judged[n, start : start + pool.frames] = True
    assert pool.apart
    assert judged.sum() == pytest.approx(0.2 * 47 * SAMPLE_RATE / HOP, rel=0.1)
    for n, mask in enumerate(usable_starts(t, pool.frames) for t in pool.tracks):
        learned = pool._by_offer[2, (), ()][pool._by_offer[2, (), ()][:, 0] == n, 1]
        touched = torch.zeros(4000, dtype=torch.bool)
        for start in learned:
            touched[start : start + pool.frames] = True
        assert not (touched & judged[n]).any()
        # and little else is lost: only gaps between two of them that are shorter than an excerpt
        assert touched.sum() > 0.6 * len(mask)


def test_held_out_excerpts_are_always_the_same() -> None:
    once, again = (ExcerptPool([track(30.0)], seconds=1.0).held_out(2) for _ in range(2))
    assert sum(len(batch.mixture) for batch in once) == 3
    assert all(torch.equal(a.mixture, b.mixture) for a, b in zip(once, again, strict=True))


def test_the_number_held_out_is_bounded() -> None:
    assert len(ExcerptPool([track(60.0)], seconds=1.0, held_out=0.5, most_held_out=7).judged) == 7


def test_the_seed_decides_what_is_drawn() -> None:
    pool = ExcerptPool([track(30.0)], seconds=1.0)
    same = zip(first(pool), first(pool), strict=True)
    assert all(torch.equal(a, b) for (a, _), (b, _) in same)
    assert not torch.equal(first(pool)[0][0], first(pool, seed=1)[0][0])


def test_every_part_that_may_be_learned_is_drawn() -> None:
    pool = ExcerptPool([track(12.0)], seconds=1.0, held_out=0.1)
    starts = torch.cat([f0[:, 0, 0] for _, f0 in first(pool, batches=200)])
    assert len(starts.unique()) > 0.7 * len(pool)


def test_a_batch_has_one_number_of_voices_in_proportion_to_time() -> None:
    pool = ExcerptPool([track(30.0, voices=3), track(90.0, voices=2)], seconds=1.0)
    numbers = [f0.shape[1] for _, f0 in first(pool, batches=300, batch=1)]
    assert set(numbers) == {2, 3}
    assert numbers.count(2) / 300 == pytest.approx(0.75, abs=0.08)
    assert {batch.f0.shape[1] for batch in pool.held_out(4)} == {2, 3}


def test_silent_and_unsung_parts_are_never_drawn() -> None:
    recording = track(30.0)
    frames = excerpt_frames(1.0)
    recording.audio[: 10 * SAMPLE_RATE] *= 1e-4
    recording.f0[:, 20 * SAMPLE_RATE // HOP :] = 0
    usable = usable_starts(recording, frames)
    assert not usable[: 9 * SAMPLE_RATE // HOP].any()
    assert usable[10 * SAMPLE_RATE // HOP : 19 * SAMPLE_RATE // HOP].all()
    assert not usable[20 * SAMPLE_RATE // HOP :].any()


@pytest.mark.parametrize("samples", [16_000, 16_001, 16_255, 16_256])
def test_the_last_start_still_has_all_samples_and_frames(samples: int) -> None:
    frames = 10
    usable = usable_starts(
        Track("", np.ones(samples, np.float32), np.ones((1, frame_count(samples)), np.float32)), frames
    )
    last = len(usable) - 1
    assert usable.all()
    assert (last + frames) * HOP <= samples < (last + frames + 1) * HOP
    assert last + frame_count(frames * HOP) <= frame_count(samples)


def test_a_short_recording_is_judged_on_what_it_learns_and_says_so() -> None:
    pool = ExcerptPool([track(1.5)], seconds=1.0)
    assert not pool.apart
    assert len(pool) > 0
    assert len(pool.held_out(4)) == 1


def test_a_recording_shorter_than_an_excerpt_has_no_start() -> None:
    assert usable_starts(track(0.9), excerpt_frames(1.0)).size == 0
