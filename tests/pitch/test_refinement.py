"""The F0 refinement: the crop around a track, and the best path through places and silence."""

import math

import numpy as np
import pytest
import torch

from vocsep.pitch import refinement
from vocsep.pitch.candidates import pitch_of_bins
from vocsep.pitch.harmonic_stack import BELOW, BINS, BINS_PER_OCTAVE, READINGS, TAUGHT, bins_of
from vocsep.pitch.refinement import F0Refinement, PlaceCosts, best_places, continued, kept_beyond
from vocsep.pitch.refiner import RefinerNetwork, RefinerSettings
from vocsep.pitch.refiner_features import (
    CHANNELS,
    OFFSETS,
    OTHERS,
    PARTIALS,
    REACH,
    SHORT_READINGS,
    BothStacks,
    partial_map,
    refiner_features,
    short_stack,
)

FRAMES = 40
READ = 2 * READINGS + 2 * SHORT_READINGS  # channels of the stacks; salience comes next
COVERED = READ + 1  # first channel of the other voices' partials


def bins(*hertz: float) -> torch.Tensor:
    return bins_of(torch.tensor(hertz))[:, None].repeat(1, FRAMES)


def view(tracks: torch.Tensor, voiced: torch.Tensor | None = None) -> torch.Tensor:
    rng = torch.Generator().manual_seed(0)
    stack = torch.rand(READ, BINS, FRAMES, generator=rng)
    salience = torch.rand(BINS, FRAMES, generator=rng)
    shown = torch.ones_like(tracks, dtype=torch.bool) if voiced is None else voiced
    return refiner_features(stack, salience, tracks, shown)


class TestView:
    def test_the_middle_row_is_the_bin_of_the_track(self) -> None:
        tracks = bins(220.0) + torch.linspace(-8, 8, FRAMES)
        stack = torch.arange(float(BINS))[None, :, None].repeat(READ, 1, FRAMES)
        seen = refiner_features(stack, stack[0], tracks, torch.ones(1, FRAMES, dtype=torch.bool))
        assert seen.shape == (1, CHANNELS, OFFSETS, FRAMES)
        assert torch.equal(seen[0, 0, REACH], tracks[0].round())
        assert torch.equal(seen[0, READ, REACH + 3], tracks[0].round() + 3)  # the salience, a semitone up

    @pytest.mark.parametrize(
        ("track", "outside"), [(BELOW, slice(0, REACH)), (TAUGHT - 1, slice(REACH + 1, None))]
    )
    def test_nothing_is_seen_beyond_the_bins_of_the_lessons(self, track: int, outside: slice) -> None:
        seen = view(torch.full((1, FRAMES), float(track)))
        assert torch.all(seen[0, : READ + 1, outside] == 0)
        assert torch.all(seen[0, : READ + 1, REACH] > 0)

    def test_partials_of_other_voices_show_where_they_lie(self) -> None:
        seen = view(bins(440.0, 220.0))
        fundamental = seen[0, COVERED]  # of the upper voice: the second partial of the lower one
        assert torch.all(fundamental[REACH] > 0.9) and torch.all(fundamental[REACH + 5] < 1e-3)
        covered = seen[1, COVERED : COVERED + len(OTHERS), REACH, 0]  # of the lower: even harmonics only
        assert torch.all(covered[1::2] > 0.8) and torch.all(covered[0::2] < 0.01)

    def test_silent_voices_cover_nothing(self) -> None:
        voiced = torch.tensor([[True], [False]]).repeat(1, FRAMES)
        seen = view(bins(440.0, 220.0), voiced)
        assert torch.all(seen[0, COVERED : COVERED + len(OTHERS)] == 0)
        assert torch.all(seen[0, -1] == 1) and torch.all(seen[1, -1] == 0)

    def test_a_lone_voice_is_covered_by_none(self) -> None:
        assert torch.all(view(bins(300.0))[0, COVERED : COVERED + len(OTHERS)] == 0)

    def test_the_map_has_a_partial_at_each_multiple(self) -> None:
        shown = partial_map(bins(110.0), torch.ones(1, FRAMES, dtype=torch.bool))[0, :, 0]
        for partial in range(1, 13):
            position = float(bins_of(torch.tensor(110.0))) + BINS_PER_OCTAVE * math.log2(partial)
            if round(position) < len(shown):
                assert shown[round(position)] > 0.85

    def test_the_map_is_the_largest_of_a_bell_on_each_partial(self) -> None:
        place = 150 * torch.rand(2, 40, generator=torch.Generator().manual_seed(0))
        shown = partial_map(place, torch.ones(2, 40, dtype=torch.bool))
        partials = place[..., None] + BINS_PER_OCTAVE * torch.log2(torch.arange(1, PARTIALS + 1))
        away = torch.arange(shown.shape[1])[:, None, None] - partials[:, None]
        torch.testing.assert_close(shown, torch.exp(-0.5 * away.square()).amax(-1), atol=1e-4, rtol=0)

    def test_short_windows_follow_what_long_ones_smear(self) -> None:
        time = torch.arange(16000) / 16000
        leap = torch.where(time < 0.5, 300.0, 400.0)
        signal = torch.sin(2 * math.pi * torch.cumsum(leap.double(), 0) / 16000).float()[None]
        stack = short_stack()(signal, hop=256)[0]
        again = 2 * 0 + 8  # the fundamental's second reading
        low, high = (round(float(bins_of(torch.tensor(f)))) for f in (300.0, 400.0))
        before, after = stack[again, low] > stack[again, high], stack[again, low] < stack[again, high]
        assert bool(before[:29].all()) and bool(after[34:].all())


def certain(path: np.ndarray, sureness: float = 6.0) -> np.ndarray:
    """Probabilities that favour one state a frame: ``(frames,) -> (1, OFFSETS + 1, frames)``."""
    logits = np.zeros((1, OFFSETS + 1, len(path)))
    logits[0, path, np.arange(len(path))] = sureness
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


MIDDLE = np.full((1, FRAMES), 72 + BELOW)  # 220 Hz


def test_beyond_the_lessons_of_the_refiner_the_first_pitch_stands() -> None:
    low, high = pitch_of_bins(np.array([BELOW, TAUGHT - 1.0]))
    first = np.array([[low - 0.5, low + 0.5, np.nan, high - 0.5, high + 0.5, high + 0.5]])
    refined = np.array([[np.nan, low + 0.6, low + 0.7, np.nan, high + 0.6, np.nan]])
    expected = [low - 0.5, low + 0.6, low + 0.7, np.nan, high + 0.5, high + 0.5]
    np.testing.assert_array_equal(kept_beyond(first, refined)[0], expected)


class TestBestPlaces:
    def test_a_likely_path_is_followed_exactly(self) -> None:
        path = (REACH + np.round(3 * np.sin(np.arange(FRAMES) / 5))).astype(int)
        pitch = best_places(certain(path, 12.0), MIDDLE)
        assert np.abs(pitch[0] - pitch_of_bins(MIDDLE[0] + path - REACH)).max() < 1e-6

    def test_it_is_the_cheapest_of_all_paths(self) -> None:
        rng = np.random.default_rng(3)
        costs = PlaceCosts()
        probability = np.log(rng.dirichlet(np.ones(OFFSETS + 1) * 0.3, size=(1, 3)).transpose(0, 2, 1) + 1e-9)
        middle = np.array([[72, 75, 71]])
        found = best_places(probability, middle, costs)[0]

        def cost(path: tuple[int, ...]) -> float:
            total = 0.0
            for frame, state in enumerate(path):
                total -= probability[0, state, frame] - (costs.silence if state == OFFSETS else 0)
                if frame:
                    before = path[frame - 1]
                    if (before == OFFSETS) != (state == OFFSETS):
                        total += costs.enter if before == OFFSETS else costs.leave
                    elif state != OFFSETS:
                        moved = abs(state + middle[0, frame] - before - middle[0, frame - 1]) / 3
                        total += min(costs.glide * moved, costs.leap)
            return total

        states = range(OFFSETS + 1)
        best = min(((a, b, c) for a in states for b in states for c in states), key=cost)
        expected = [
            np.nan if s == OFFSETS else float(pitch_of_bins(np.array(middle[0, t] + s - REACH)))
            for t, s in enumerate(best)
        ]
        assert np.array_equal(np.isnan(found), np.isnan(expected))
        assert (
            np.nanmax(np.abs(found - expected), initial=0) <= 0.5 / 3 + 1e-9
        )  # the vertex is within half a bin

    def test_voices_do_not_disturb_each_other(self) -> None:
        rng = np.random.default_rng(1)
        probability = np.log(rng.dirichlet(np.ones(OFFSETS + 1) * 0.2, size=(3, FRAMES)).transpose(0, 2, 1))
        middle = rng.integers(40, 100, (3, FRAMES))
        together = best_places(probability, middle)
        for voice in range(3):
            alone = best_places(probability[voice : voice + 1], middle[voice : voice + 1])
            assert np.array_equal(together[voice], alone[0], equal_nan=True)

    def test_a_weak_frame_inside_a_note_does_not_cut_it(self) -> None:
        path = np.full(FRAMES, REACH)
        path[20] = OFFSETS
        assert np.isfinite(best_places(certain(path, 1.0), MIDDLE)).all()

    def test_a_rest_is_kept(self) -> None:
        path = np.full(FRAMES, REACH)
        path[15:25] = OFFSETS
        assert np.array_equal(np.isnan(best_places(certain(path), MIDDLE))[0], path == OFFSETS)

    def test_pitch_is_found_below_a_bin(self) -> None:
        places = np.arange(OFFSETS + 1.0)
        density = np.exp(-0.5 * ((places - REACH - 0.3) / 0.8) ** 2)
        density[-1] = 1e-9
        probability = np.log(density / density.sum())[None, :, None].repeat(FRAMES, axis=2)
        assert (
            np.abs(best_places(probability, MIDDLE) - pitch_of_bins(np.array(MIDDLE[0, 0] + 0.3))).max()
            < 1e-6
        )


def test_tracks_are_drawn_through_rests_in_a_straight_line() -> None:
    pitch = np.array([[60.0, np.nan, np.nan, 63.0, np.nan], [np.nan] * 5])
    drawn = continued(pitch)
    assert drawn[0].tolist() == [60.0, 61.0, 62.0, 63.0, 63.0] and np.isfinite(drawn[1]).all()


class TestSecondLook:
    @pytest.fixture
    def f0_refinement(self) -> F0Refinement:
        torch.manual_seed(0)
        made = F0Refinement.__new__(F0Refinement)
        made.device = torch.device("cpu")
        made.network = RefinerNetwork(RefinerSettings(channels=6, blocks=2)).eval()
        made.stacks = BothStacks()
        return made

    def test_chunks_leave_no_trace(
        self, f0_refinement: F0Refinement, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rng = np.random.default_rng(0)
        time = np.arange(16000 * 12) / 16000
        audio = (np.sin(2 * np.pi * 220 * time) + 0.01 * rng.standard_normal(time.size)).astype(np.float32)
        frames = len(audio) // 256 + 1
        salience = rng.integers(0, 255, (BINS, frames)).astype(np.uint8)
        pitch = np.full((2, frames), 57.0) + np.array([[0.0], [7.0]])
        whole, middle = f0_refinement.probability(audio, salience, pitch)
        monkeypatch.setattr(refinement, "CHUNK", 200)
        parts, _ = f0_refinement.probability(audio, salience, pitch)
        assert whole.shape == (2, OFFSETS + 1, frames)
        assert middle[:, 0].tolist() == [72 + BELOW, 93 + BELOW]
        assert np.abs(np.exp(whole).sum(axis=1) - 1).max() < 1e-5
        assert np.abs(whole - parts).max() < 0.02
