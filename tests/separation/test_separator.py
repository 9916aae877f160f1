"""Separation in memory with tiny random networks and given F0: stems have the shape of what went in."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import music, refused, tiny_models

from vocsep.errors import AudioError, F0Error, SettingsError, VoicesNotFound
from vocsep.filtering.masks import soft_masks
from vocsep.filtering.wiener import wiener_filter
from vocsep.methods.protocol import Excerpt, Progress, SeparationMethod, SourceEstimate
from vocsep.pitch.alternatives import EstimatedTracks, alternatives_of
from vocsep.pitch.harmonic_stack import BINS
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation import chunk_stems as module
from vocsep.separation.chunks import plan_chunks
from vocsep.separation.remarks import track_warnings
from vocsep.separation.separator import Separator
from vocsep.source.powers import NOISE_SHARE, voice_powers
from vocsep.source.unison import choices_of_f0, mixed_combs, sung_choices
from vocsep.spectra import SAMPLE_RATE, frame_count


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def separator(weights: dict[str, Path]) -> Separator:
    return Separator(**weights, device="cpu", adapt=2)


@pytest.fixture(scope="module")
def masks(weights: dict[str, Path]) -> Separator:
    """The quickest way to stems, for what does not depend on how voices are told apart."""
    return Separator(**weights, device="cpu", adapt=0, postfilter=False, filter="mask")


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 4 s, so that a few seconds have several."""
    monkeypatch.setattr(module, "plan_chunks", partial(plan_chunks, length=4))


@pytest.mark.parametrize(
    ("rate", "channels"), [(8_000, 2), (16_000, None), (22_050, 1), (44_100, 2), (44_100, None), (96_000, 2)]
)
def test_stems_add_up_and_have_the_shape_of_the_input(
    separator: Separator, rate: int, channels: int | None
) -> None:
    audio, tracks = music(1.03, rate, channels)
    result = separator.separate(audio, rate, tracks=tracks)
    assert result.sample_rate == rate and result.stems.dtype == np.float32
    assert result.stems.shape == (3, *audio.shape)
    np.testing.assert_allclose(result.stems.sum(axis=0), audio, atol=2e-6)


def test_equal_channels_are_separated_as_one(separator: Separator, weights: dict[str, Path]) -> None:
    audio, tracks = music(1.0)
    masks = Separator(**weights, device="cpu", adapt=2, spatial=False)
    twice = np.stack((audio, audio), axis=1)
    expected = masks.separate(twice, SAMPLE_RATE, tracks=tracks).stems
    np.testing.assert_array_equal(separator.separate(twice, SAMPLE_RATE, tracks=tracks).stems, expected)


def test_places_can_be_left_out(separator: Separator, weights: dict[str, Path]) -> None:
    audio, tracks = music(1.0, channels=2)
    masks = Separator(**weights, device="cpu", adapt=2, spatial=False)
    stems = masks.separate(audio, SAMPLE_RATE, tracks=tracks).stems
    assert np.abs(separator.separate(audio, SAMPLE_RATE, tracks=tracks).stems - stems).max() > 1e-3


def test_many_channels_add_up(separator: Separator) -> None:
    audio, tracks = music(0.5, 16_000, 6)
    result = separator.separate(audio, 16_000, tracks=tracks)
    np.testing.assert_allclose(result.stems.sum(axis=0), audio, atol=2e-6)


@pytest.mark.parametrize(
    ("made_by", "seconds", "rate"),
    [
        ("separator", 9.3, 22_050),
        ("masks", 4.0, 16_000),
        ("masks", 9.3, 16_000),
        ("masks", 12.0, 22_050),
        ("masks", 15.98, 16_000),
    ],
)
def test_stems_of_several_chunks_add_up(
    request: pytest.FixtureRequest, short_chunks: None, made_by: str, seconds: float, rate: int
) -> None:
    audio, tracks = music(seconds, rate)
    result = request.getfixturevalue(made_by).separate(audio, rate, tracks=tracks)
    np.testing.assert_allclose(result.stems.sum(axis=0), audio, atol=2e-6)
    assert result.synthesised.shape == (3, round(len(audio) * SAMPLE_RATE / rate))
    assert result.parameters.frames == tracks.frames == result.tracks.frames


def test_chunks_make_the_same_stems_as_the_whole(
    weights: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, tracks = music(12.0)
    comb = Separator(**weights, device="cpu", method="comb")
    whole = comb.separate(audio, SAMPLE_RATE, tracks=tracks)
    monkeypatch.setattr(module, "plan_chunks", partial(plan_chunks, length=4))
    parts = comb.separate(audio, SAMPLE_RATE, tracks=tracks)
    # Within a rest's edge the phase of the combs, which starts anew in each chunk, moves a little power.
    error = np.square(parts.stems - whole.stems).sum() / np.square(whole.stems).sum()
    assert error < 1e-3


@pytest.mark.parametrize(("made_by", "channels"), [("separator", None), ("masks", 2)])
def test_chunk_edges_are_not_heard(
    request: pytest.FixtureRequest, short_chunks: None, made_by: str, channels: int | None
) -> None:
    audio, tracks = music(12.0, channels=channels)
    stems = request.getfixturevalue(made_by).separate(audio, SAMPLE_RATE, tracks=tracks).stems
    jumps = np.abs(np.diff(stems, axis=1))
    usual = np.quantile(jumps, 0.999, axis=1)
    for edge in (4, 8):
        for overlap in (edge - 1, edge, edge + 1):
            near = jumps[:, overlap * SAMPLE_RATE - 3 : overlap * SAMPLE_RATE + 3]
            assert (near.max(axis=1) < 1.5 * usual).all()


def test_parameters_of_all_chunks_are_those_of_the_tracks(separator: Separator, short_chunks: None) -> None:
    audio, tracks = music(6.0)
    found = separator.separate(audio, SAMPLE_RATE, tracks=tracks).parameters
    given = tracks.as_input()
    assert torch.equal(found.f0[0] > 0, given > 0)  # refined by phases, by less than 30 cents a time
    assert (1200 * torch.log2(found.f0[0] / given))[given > 0].abs().max() < 60
    assert found.alpha.shape == (1, 3, tracks.frames) and found.lsf.shape[:3] == (1, 3, tracks.frames)
    assert found.correction is not None and found.correction.shape[2] == tracks.frames


def test_the_returned_parameters_explain_the_stems(weights: dict[str, Path]) -> None:
    """Wholly so without a post-filter, and by masks alone."""
    audio, tracks = music(2.0)
    separator = Separator(**weights, device="cpu", adapt=2, postfilter=False, filter="mask")
    result = separator.separate(audio, SAMPLE_RATE, tracks=tracks)
    choices = choices_of_f0(tracks.as_input(), alternatives_of(tracks).as_input())
    powers = voice_powers(
        result.parameters, mixed_combs(result.parameters, sung_choices(choices, len(audio))), NOISE_SHARE
    )
    again = wiener_filter(torch.from_numpy(audio)[None], SAMPLE_RATE, soft_masks(powers), powers)[:, 0]
    np.testing.assert_allclose(again.numpy(), result.stems, atol=1e-5)


def test_confidence_tells_what_no_other_voice_claims(masks: Separator, short_chunks: None) -> None:
    audio, tracks = music(9.3)
    result = masks.separate(audio, SAMPLE_RATE, tracks=tracks)
    assert result.confidence.shape == (3, 10)
    known = result.confidence[np.isfinite(result.confidence)]
    assert known.size > 20 and known.min() >= 0 and known.max() <= 1
    # Two voices on one note: nothing is surely anybody's.
    twins = F0Tracks(np.repeat(tracks.frequencies[:1], 2, axis=0))
    shared = masks.separate(audio, SAMPLE_RATE, tracks=twins).confidence
    assert np.nanmean(shared) < np.nanmean(result.confidence[0]) - 0.2


def test_the_level_of_the_recording_is_the_level_of_the_stems(separator: Separator) -> None:
    audio, tracks = music(2.0)
    loud = separator.separate(audio, SAMPLE_RATE, tracks=tracks)
    quiet = separator.separate(0.01 * audio, SAMPLE_RATE, tracks=tracks)
    error = np.square(quiet.stems - 0.01 * loud.stems).sum() / np.square(0.01 * loud.stems).sum()
    assert error < 1e-2
    ratio = np.std(loud.synthesised, axis=1) / np.std(quiet.synthesised, axis=1)
    np.testing.assert_allclose(ratio, 100, rtol=0.1)


def test_each_voice_of_the_comb_is_mostly_its_own(weights: dict[str, Path]) -> None:
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    apart = np.array([430.0, 262.0, 157.0])  # Hz, no harmonic of one is the F0 of another
    tones = np.stack([0.2 * np.sin(2 * np.pi * f * time) for f in apart]).astype(np.float32)
    tracks = F0Tracks(np.repeat(apart[:, None], frame_count(len(time)), axis=1))
    comb = Separator(**weights, device="cpu", method="comb")
    stems = comb.separate(tones.sum(axis=0), SAMPLE_RATE, tracks=tracks).stems
    for stem, tone in zip(stems, tones, strict=True):
        assert np.square(stem - tone).sum() < 0.05 * np.square(tone).sum()


def test_levels_tell_voices_apart_that_a_bare_comb_takes_for_alike(weights: dict[str, Path]) -> None:
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    apart = np.array([440.0, 220.0])  # Hz: every second harmonic of the lower voice is one of the upper
    loud, soft = (0.3, 0.02)
    tones = [
        a * sum(np.sin(2 * np.pi * f * k * time) for k in (1, 2, 3))
        for a, f in zip((loud, soft), apart, strict=True)
    ]
    tones = np.stack(tones).astype(np.float32)
    tracks = F0Tracks(np.repeat(apart[:, None], frame_count(len(time)), axis=1))
    errors = {}
    for method in ("levels", "comb"):
        separator = Separator(**weights, device="cpu", method=method)
        stems = separator.separate(tones.sum(axis=0), SAMPLE_RATE, tracks=tracks).stems
        np.testing.assert_allclose(stems.sum(axis=0), tones.sum(axis=0), atol=2e-6)
        errors[method] = np.square(stems - tones).sum()
    assert errors["levels"] < 0.2 * errors["comb"]


def test_the_same_input_and_seed_give_the_same_output(weights: dict[str, Path]) -> None:
    audio, tracks = music(1.0)
    results = [
        Separator(**weights, device="cpu", adapt=2, seed=seed).separate(audio, SAMPLE_RATE, tracks=tracks)
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(results[0].stems, results[1].stems)
    assert np.array_equal(results[0].synthesised, results[1].synthesised)
    assert not np.array_equal(results[0].synthesised, results[2].synthesised)


def test_progress_of_the_separation_rises_to_one(separator: Separator, short_chunks: None) -> None:
    audio, tracks = music(6.0)
    told: list[tuple[str, float]] = []
    separator.separate(audio, SAMPLE_RATE, tracks=tracks, progress=lambda *news: told.append(news))
    shares = [share for stage, share in told if stage == "separation"]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 3
    assert {stage for stage, _ in told} == {"separation"}  # F0 were given


def test_tracks_of_another_length_are_cut_or_continued_in_silence(masks: Separator) -> None:
    audio, tracks = music(2.0)
    for frames in (tracks.frames - 30, tracks.frames + 30):
        result = masks.separate(audio, SAMPLE_RATE, tracks=tracks.fitted(frames))
        assert result.tracks.frames == tracks.frames
        np.testing.assert_allclose(result.stems.sum(axis=0), audio, atol=2e-6)


def test_stems_are_estimated_without_the_faint_ends_of_notes(masks: Separator) -> None:
    audio, heard = music(2.0)
    cut = heard.frequencies.copy()
    cut[:, ::3] = np.nan
    grown, sure = heard.frequencies, F0Tracks(cut)
    tracks = EstimatedTracks(grown, F0Tracks(np.zeros_like(grown)), sure=sure)
    expected, found = (masks.separate(audio, SAMPLE_RATE, tracks=one) for one in (sure, tracks))
    np.testing.assert_array_equal(found.stems, expected.stems)
    np.testing.assert_array_equal(found.tracks.frequencies, grown)


def test_audio_that_cannot_be_separated_is_refused_in_one_line(separator: Separator) -> None:
    audio, tracks = music(1.0)
    broken = audio.copy()
    broken[100] = np.nan
    separate = partial(separator.separate, tracks=tracks)
    refused(AudioError, lambda: separate(broken, SAMPLE_RATE), "finite")
    refused(AudioError, lambda: separate(audio, 4_000), "4000", "8000")
    refused(AudioError, lambda: separate(audio, 400_000), "400000", "192000")
    refused(AudioError, lambda: separate(np.zeros((2, 3, 4)), SAMPLE_RATE), "(2, 3, 4)")
    refused(AudioError, lambda: separate(np.zeros(SAMPLE_RATE), SAMPLE_RATE), "silent")
    refused(AudioError, lambda: separate(audio[:100], SAMPLE_RATE), "16 ms")
    refused(AudioError, lambda: separate(audio[:0], SAMPLE_RATE), "16 ms")


def test_values_out_of_bounds_are_refused_by_name(weights: dict[str, Path], separator: Separator) -> None:
    audio, tracks = music(1.0)
    refused(SettingsError, lambda: Separator(**weights, method="magic"), "method", "magic")
    refused(SettingsError, lambda: Separator(**weights, adapt=-1), "adapt", "-1")
    refused(SettingsError, lambda: Separator(**weights, assign="luck"), "assign", "luck")
    refused(SettingsError, lambda: Separator(**weights, device="abacus"), "device", "abacus")
    refused(SettingsError, lambda: separator.separate(audio, SAMPLE_RATE, 0), "0")
    refused(SettingsError, lambda: separator.separate(audio, SAMPLE_RATE, 40), "40")
    refused(F0Error, lambda: separator.separate(audio, SAMPLE_RATE, 2, tracks=tracks), "3 voices", "2 were")


def test_nobody_sings_in_noise(separator: Separator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        separator.pitch.network, "salience", lambda x, *_: torch.zeros(BINS, frame_count(len(x)))
    )
    refused(VoicesNotFound, lambda: separator.separate(music(1.0)[0], SAMPLE_RATE))


def test_notes_warn_of_silent_voices_and_of_unison() -> None:
    frames = 500
    apart = np.stack([np.full(frames, 440.0), np.full(frames, 220.0)])
    assert track_warnings(F0Tracks(apart)) == []
    silent, unison = apart.copy(), apart.copy()
    silent[1] = np.nan
    unison[1, :200] = 441.0
    (note,) = track_warnings(F0Tracks(silent))
    assert "voice 2" in note and "0 %" in note
    (note,) = track_warnings(F0Tracks(unison))
    assert "voices 1 and 2" in note and "40 %" in note


def test_notes_pass_on_what_the_estimate_doubts() -> None:
    frequencies = np.full((1, 500), 440.0)
    heard = EstimatedTracks(frequencies, F0Tracks(np.zeros_like(frequencies)), ("there may be a piano",))
    assert track_warnings(heard) == ["there may be a piano"]


def test_notes_warn_of_unison_in_whatever_order_the_voices_lie() -> None:
    crossing = np.stack([np.full(500, 220.0), np.full(500, 440.0), np.full(500, 220.5)])
    (note,) = track_warnings(F0Tracks(crossing))
    assert "voices 1 and 3" in note and "100 %" in note


@pytest.mark.parametrize(("hertz", "end"), [(38.0, "lower"), (1700.0, "upper")])
def test_notes_say_who_sings_at_the_bound_of_what_is_heard(hertz: float, end: str) -> None:
    frequencies = np.stack([np.full(500, 440.0), np.full(500, 220.0)])
    frequencies[1, :50] = hertz
    heard = EstimatedTracks(frequencies, F0Tracks(np.zeros_like(frequencies)))
    (note,) = track_warnings(heard)
    assert f"voice 2 sings near the {end} bound" in note and "10 %" in note
    assert track_warnings(F0Tracks(frequencies)) == []  # given pitches have no bounds
    frequencies[1, :50] = [41.2, 1568.0][end == "upper"]
    assert track_warnings(EstimatedTracks(frequencies, F0Tracks(np.zeros_like(frequencies)))) == []


@pytest.mark.parametrize("known", [True, False])
def test_f0_are_estimated_again_only_if_nobody_gave_them(
    masks: Separator, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    audio, tracks = music(1.0)
    again: list[bool] = []

    class Noting(SeparationMethod):
        def estimate(self, excerpt: Excerpt, progress: Progress) -> SourceEstimate:
            again.append(excerpt.f0_again is not None)
            return masks.method.estimate.estimate(excerpt, progress)

    separator = Separator(filter="mask", adapt=0, postfilter=False)
    monkeypatch.setattr(separator, "method", replace(masks.method, estimate=Noting()))
    monkeypatch.setattr(separator.pitch, "estimate", lambda *given: tracks)
    separator.separate(audio, SAMPLE_RATE, tracks=tracks if known else None)
    assert again == [not known]
