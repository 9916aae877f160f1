"""Excerpts: aligned with their F0, loud enough, and held-out ones apart from those that are learned."""

import itertools

import numpy as np
import pytest
import torch

from vocsep.spectra import HOP, SAMPLE_RATE, frame_count
from vocsep.training.excerpt_pool import ExcerptPool
from vocsep.training.excerpts import Track, excerpt_frames, usable_starts


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


def test_an_excerpt_says_which_recording_it_is_of() -> None:
    recordings = [track(10.0, voices=2), track(10.0, voices=2, seed=1)]
    drawn = ExcerptPool(recordings, seconds=1.0).batches(8, torch.Generator().manual_seed(0))
    for excerpts in itertools.islice(drawn, 3):
        assert excerpts.recordings is not None and excerpts.recordings.shape == (8, 2)
        for signal, f0, (first_voice, second_voice) in zip(
            excerpts.mixture, excerpts.f0, excerpts.recordings.tolist(), strict=True
        ):
            start = int(f0[0, 0]) - 1
            expected = recordings[first_voice].audio[start * HOP : start * HOP + len(signal)]
            assert np.allclose(signal, expected / np.abs(expected).max(), atol=1e-6)
            assert first_voice == second_voice


def test_the_peak_of_each_excerpt_is_one() -> None:
    for mixture, _ in first(ExcerptPool([track(10.0)], seconds=1.0), batches=3):
        assert torch.allclose(mixture.abs().amax(dim=1), torch.ones(4))


def test_held_out_excerpts_share_no_sample_with_those_learned() -> None:
    pool = ExcerptPool([track(30.0), track(17.0)], seconds=1.0, held_out=0.2)
    kept = torch.zeros(2, 4000, dtype=torch.bool)
    for n, start in pool.places:
        kept[n, start : start + pool.frames] = True
    assert pool.apart
    assert kept.sum() == pytest.approx(0.2 * 47 * SAMPLE_RATE / HOP, rel=0.1)
    for n, mask in enumerate(usable_starts(t, pool.frames) for t in pool.tracks):
        learned = pool._by_offer[2, (), ()][pool._by_offer[2, (), ()][:, 0] == n, 1]
        touched = torch.zeros(4000, dtype=torch.bool)
        for start in learned:
            touched[start : start + pool.frames] = True
        assert not (touched & kept[n]).any()
        # and little else is lost: only gaps between two of them that are shorter than an excerpt
        assert touched.sum() > 0.6 * len(mask)


def test_held_out_excerpts_are_always_the_same() -> None:
    once, again = (ExcerptPool([track(30.0)], seconds=1.0).held_out(2) for _ in range(2))
    assert sum(len(batch.mixture) for batch in once) == 3
    assert all(torch.equal(a.mixture, b.mixture) for a, b in zip(once, again, strict=True))


def test_the_number_held_out_is_bounded() -> None:
    assert len(ExcerptPool([track(60.0)], seconds=1.0, held_out=0.5, most_held_out=7).places) == 7


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


def test_a_short_recording_is_validated_on_what_it_learns_and_says_so() -> None:
    pool = ExcerptPool([track(1.5)], seconds=1.0)
    assert not pool.apart
    assert len(pool) > 0
    assert len(pool.held_out(4)) == 1


def test_a_recording_shorter_than_an_excerpt_has_no_start() -> None:
    assert usable_starts(track(0.9), excerpt_frames(1.0)).size == 0


def song(
    seconds: float, given: tuple[bool, ...], seed: int = 0, names: tuple[str | None, ...] | None = None
) -> Track:
    """Noise in every voice; stems of some; as F0 the frame numbers of `track`."""
    voices = len(given)
    base = track(seconds, voices)
    rng = np.random.default_rng(seed)
    stems = rng.uniform(-0.1, 0.1, (voices, len(base.audio))).astype(np.float32)
    sources = tuple(stem if own else None for stem, own in zip(stems, given, strict=True))
    return Track(base.name, stems.sum(axis=0), base.f0, sources, names)


def test_stems_are_cut_where_the_mixture_is_and_scaled_with_it() -> None:
    recording = song(20.0, (True, True, True))
    for excerpts in itertools.islice(ExcerptPool([recording], 1.0).batches(4, torch.Generator()), 10):
        assert excerpts.sources is not None and excerpts.given is not None
        assert excerpts.given.all() and excerpts.given.shape == (4, 3)
        torch.testing.assert_close(excerpts.sources.sum(1), excerpts.mixture, atol=1e-6, rtol=0)


def test_a_stem_that_ends_early_is_silent_from_there_on() -> None:
    recording = song(3.0, (True, False))
    assert recording.sources is not None and recording.sources[0] is not None
    short = Track("", recording.audio, recording.f0, (recording.sources[0][: 2 * SAMPLE_RATE], None))
    ends = 0
    for excerpts in itertools.islice(ExcerptPool([short], 1.0).batches(4, torch.Generator()), 20):
        assert excerpts.sources is not None and excerpts.sources[:, 1].abs().max() == 0
        for row, f0 in zip(excerpts.sources[:, 0], excerpts.f0, strict=True):
            end = min(max(2 * SAMPLE_RATE - (int(f0[0, 0]) - 1) * HOP, 0), len(row))
            assert row[end:].abs().sum() == 0
            assert end == 0 or row[:end].abs().max() > 0
            ends += 0 < end < len(row)
    assert ends > 0


def test_all_excerpts_of_a_batch_offer_the_same() -> None:
    tracks = [
        track(20.0, voices=2),
        song(20.0, (True, False)),
        song(20.0, (True, True)),
        song(20.0, (True,), names=("soprano",)),
        song(20.0, (True,)),
    ]
    pool = ExcerptPool(tracks, 1.0, held_out=0.1)
    met = set()
    for excerpts in [*itertools.islice(pool.batches(3, torch.Generator()), 60), *pool.held_out(3)]:
        given = None if excerpts.given is None else excerpts.given.tolist()
        assert given is None or given.count(given[0]) == len(given)
        met.add((excerpts.f0.shape[1], str(given and given[0]), excerpts.names, excerpts.alone))
    assert len(met) == 5
    assert (1, "[True]", ("soprano",), True) in met and (2, "None", None, False) in met
    alone = itertools.islice(pool.batches(3, torch.Generator(), voices=2), 40)
    assert {excerpts.f0.shape[1] for excerpts in alone} == {2}
    assert list(ExcerptPool(tracks[3:], 1.0).batches(3, torch.Generator(), voices=2)) == []


def test_each_kind_of_recording_is_validated_and_learned() -> None:
    tracks = [track(100.0), song(8.0, (True, False)), song(8.0, (True,))]
    pool = ExcerptPool(tracks, 1.0, held_out=0.1, most_held_out=8)
    assert [sum(place[0] == n for place in pool.places) for n in range(3)] == [7, 1, 1]
    assert pool.apart
    kinds = {
        (e.f0.shape[1], e.given is None) for e in itertools.islice(pool.batches(2, torch.Generator()), 80)
    }
    assert kinds == {(2, True), (2, False), (1, False)}
