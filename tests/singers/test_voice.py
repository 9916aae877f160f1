"""A single singer: curves of a performance, and their sound against plain synthesis."""

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.signal import freqs

from vocsep.singers.performance import CONTROL, RATE, Performance, perform, pitch_curve
from vocsep.singers.score import Note
from vocsep.singers.singer import VOWELS, Singer, random_singer
from vocsep.singers.voice import TOP, _resonances, partial_levels, render_harmonics, render_noise, sing
from vocsep.spectra import HOP, SAMPLE_RATE

SCALE = tuple(Note(0.5 + 0.6 * i, 0.6, 57.0 + step) for i, step in enumerate((0, 2, 4, 5, 7)))
KNOTS = round(4.0 * RATE) + 1


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def singer(seed: int = 0, **traits: float) -> Singer:
    return replace(random_singer(generator(seed), 60.0), **traits)


def steady(**traits: float) -> Singer:
    """A singer without any unsteadiness of pitch."""
    calm = {"vibrato_depth": 0.0, "drift": 0.0, "jitter": 0.0, "intonation": 0.0, "offset": 0.0, "scoop": 0.0}
    return singer(**{**calm, "glide": 0.03, "damping": 1.0, **traits})


def test_a_steady_singer_settles_exactly_on_the_note() -> None:
    pitch = pitch_curve((Note(0.0, 2.0, 60.0), Note(2.0, 2.0, 64.0)), steady(), KNOTS, generator())
    np.testing.assert_allclose(pitch[round(1.0 * RATE) : round(1.8 * RATE)], 60.0, atol=0.01)
    np.testing.assert_allclose(pitch[round(3.0 * RATE) : round(3.9 * RATE)], 64.0, atol=0.01)


def test_vibrato_has_its_rate_and_depth() -> None:
    wavering = steady(vibrato_rate=5.5, vibrato_depth=60.0, vibrato_delay=0.0)
    knots = round(12 * RATE)
    pitch = pitch_curve((Note(0.0, 12.0, 60.0),), wavering, knots, generator(3))[round(2 * RATE) :]
    spectrum = np.abs(np.fft.rfft((pitch - pitch.mean()) * np.hanning(len(pitch))))
    rate = np.argmax(spectrum) * RATE / len(pitch)
    assert rate == pytest.approx(5.5, rel=0.1)
    assert 20 <= 50 * (pitch.max() - pitch.min()) <= 80  # cents; notes differ in depth by chance


def test_errors_of_intonation_have_their_size() -> None:
    notes = tuple(Note(float(i), 1.0, 60.0) for i in range(40))
    pitch = pitch_curve(notes, steady(intonation=20.0), round(40 * RATE), generator(1))
    middles = 100 * (pitch[round(0.8 * RATE) :: round(RATE)][:40] - 60.0)
    assert 12 < np.std(middles) < 30 and abs(np.mean(middles)) < 12


@pytest.mark.parametrize("seed", range(6))
def test_all_curves_are_finite_and_of_one_length(seed: int) -> None:
    given = perform(SCALE, singer(seed), KNOTS, generator(seed))
    for field in fields(Performance):
        curve = getattr(given, field.name)
        assert len(curve) == KNOTS and np.isfinite(curve).all(), field.name
    assert (given.level >= 0).all() and (given.breath >= 0).all() and (given.hiss >= 0).all()
    assert (given.f0 > 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_voiced_far_from_any_note(seed: int) -> None:
    level = perform(SCALE, singer(seed), KNOTS, generator(seed)).level
    assert level[: round(0.4 * RATE)].max() == 0
    assert level[round(3.6 * RATE) :].max() == 0
    assert level[round(0.6 * RATE) : round(3.4 * RATE)].max() > 0.1


def test_formants_of_high_notes_do_not_lie_below_the_f0() -> None:
    given = perform((Note(0.0, 4.0, 86.0),), singer(2), KNOTS, generator())
    assert (given.formants[:, 0] >= 0.97 * given.f0).all()


def test_high_parts_are_sung_by_shorter_tracts() -> None:
    low = np.mean([random_singer(generator(seed), 45.0).tract for seed in range(30)])
    high = np.mean([random_singer(generator(seed), 72.0).tract for seed in range(30)])
    assert low < 1.0 < 1.1 < high
    assert random_singer(generator(), 60.0).formants.shape == (len(VOWELS), 8)


def test_resonances_are_those_of_the_analogue_filters() -> None:
    formants = np.array([[500.0, 1500.0, 2500.0, 3500.0, 4500.0, 5300.0, 6300.0, 7400.0]])
    frequencies = np.linspace(50, 7000, 60)[None]
    expected = np.zeros(60)
    bandwidths = np.array((70.0, 90.0, 130.0, 180.0, 250.0, 350.0, 450.0, 550.0))
    for centre, width in zip(formants[0], bandwidths, strict=True):
        square = centre**2 + width**2 / 4
        _, response = freqs([square], [1.0, width, square], worN=frequencies[0])
        expected += 20 * np.log10(np.abs(response))
    np.testing.assert_allclose(_resonances(frequencies, formants, 1.0)[0], expected, atol=1e-6)


def test_no_partial_lies_above_the_top() -> None:
    given = perform(SCALE, singer(), KNOTS, generator())
    levels = partial_levels(given, singer())
    frequencies = given.f0[:, None] * np.arange(1, levels.shape[1] + 1)
    assert levels[frequencies >= TOP].max(initial=0.0) == 0
    assert (levels >= 0).all() and levels.max() > 0


def test_harmonics_are_a_plain_bank_of_oscillators() -> None:
    who = singer(4)
    given = perform(SCALE[:1], who, round(1.2 * RATE) + 1, generator(4))
    levels = partial_levels(given, who).astype(np.float64)
    offsets = np.cumsum(generator(9).normal(0, 0.7, levels.shape[1]))
    knots, samples = np.arange(len(given.f0)) * CONTROL, np.arange((len(given.f0) - 1) * CONTROL)
    phase = 2 * np.pi * np.cumsum(np.interp(samples, knots, given.f0)) / SAMPLE_RATE
    bank = sum(
        np.interp(samples, knots, levels[:, k]) * np.sin((k + 1) * phase + offsets[k])
        for k in range(levels.shape[1])
    )
    np.testing.assert_allclose(render_harmonics(given, who, generator(9)), bank, atol=1e-5)


def test_noise_is_silent_where_there_is_no_breath_and_scales_with_it() -> None:
    who = singer(1)
    given = perform(SCALE, who, KNOTS, generator(1))
    silent = replace(given, breath=np.zeros(KNOTS), hiss=np.zeros(KNOTS))
    assert np.abs(render_noise(silent, who, generator())).max() == 0
    quiet = replace(silent, breath=np.full(KNOTS, 0.1))
    loud = replace(silent, breath=np.full(KNOTS, 0.2))
    np.testing.assert_allclose(
        2 * render_noise(quiet, who, generator()), render_noise(loud, who, generator()), atol=1e-12
    )


def test_hiss_lies_in_its_band() -> None:
    who = singer(1)
    given = perform(SCALE, who, KNOTS, generator(1))
    band = np.tile((5000.0, 1000.0), (KNOTS, 1))
    hissing = replace(given, breath=np.zeros(KNOTS), hiss=np.ones(KNOTS), hiss_band=band)
    power = np.abs(np.fft.rfft(render_noise(hissing, who, generator()))) ** 2
    frequencies = np.fft.rfftfreq((KNOTS - 1) * CONTROL, 1 / SAMPLE_RATE)
    near, far = power[np.abs(frequencies - 5000) < 300], power[frequencies < 2000]
    assert near.mean() > 10 * far.mean()


def harmonic_share(audio: np.ndarray, f0: np.ndarray, first: int, last: int) -> float:
    """Share of the energy between two frames that sinusoids at multiples of the F0 explain."""
    samples = np.arange(first * HOP, last * HOP)
    curve = np.interp(samples, np.arange(len(f0)) * HOP, f0)
    phase = 2 * np.pi * np.cumsum(curve) / SAMPLE_RATE
    window = np.hanning(len(samples))
    basis = [np.cos(k * phase) * window for k in range(1, 20)]
    basis += [np.sin(k * phase) * window for k in range(1, 20)]
    piece = audio[samples] * window
    matrix = np.array(basis).T
    rest = piece - matrix @ np.linalg.lstsq(matrix, piece, rcond=None)[0]
    return float(1 - np.sum(rest**2) / np.sum(piece**2))


def test_the_f0_returned_is_the_f0_sung_in_the_same_frame() -> None:
    who = singer(
        5, vibrato_depth=80.0, vibrato_rate=6.0, vibrato_delay=0.0, breath=-50.0, consonants=-60.0, tilt=10.0
    )
    notes = (Note(0.2, 3.5, 62.0),)
    audio, f0 = sing(perform(notes, who, KNOTS, generator(5)), who, generator(5))
    first, last = 125, 150  # 0.4 s inside of the note
    assert (f0[first : last + 1] > 0).all()
    aligned = harmonic_share(audio, f0, first, last)
    assert aligned > 0.98
    assert aligned > harmonic_share(audio, np.roll(f0, 1), first, last)
    assert aligned > harmonic_share(audio, np.roll(f0, -1), first, last)
    assert aligned > harmonic_share(audio, f0 * 1.01, first, last)


def test_sound_and_f0_have_the_length_and_level_promised() -> None:
    audio, f0 = sing(perform(SCALE, singer(6), KNOTS, generator(6)), singer(6), generator(6))
    assert audio.dtype == f0.dtype == np.float32
    assert audio.shape == ((KNOTS - 1) * CONTROL,) and f0.shape == (len(audio) // HOP + 1,)
    voiced = np.repeat(f0[:-1] > 0, HOP)
    assert np.sqrt(np.mean(audio[voiced] ** 2)) == pytest.approx(0.1, rel=0.1)
    assert (f0[: round(0.4 * SAMPLE_RATE / HOP)] == 0).all() and (f0 > 0).mean() > 0.4


def test_the_same_seed_sings_the_same_sound() -> None:
    first, again, other = (
        sing(perform(SCALE, singer(7), KNOTS, generator(s)), singer(7), generator(s))[0] for s in (1, 1, 2)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)
