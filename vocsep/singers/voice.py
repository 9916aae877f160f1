"""From control curves to sound: harmonics with formants, breath and consonants, at 16 kHz."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from vocsep.singers.performance import CONTROL, Performance
from vocsep.singers.singer import BANDWIDTHS, Singer
from vocsep.spectra import HOP, SAMPLE_RATE

TOP = 7_800.0  # Hz, no partial above
VOICED_FLOOR = 10 ** (-36 / 20)  # of the amplitude of loud notes: a frame below it counts as unvoiced
_STRIDE = HOP // CONTROL  # knots a frame


def _resonances(
    frequencies: NDArray[np.float64], formants: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    """Gain in dB of the vocal tract, a cascade of resonators of unit gain at 0 Hz.

    ``frequencies`` (knots, bins) and ``formants`` (knots, 8), both Hz -> (knots, bins).
    """
    gain = np.zeros(frequencies.shape)
    squared = frequencies**2
    for k, bandwidth in enumerate(BANDWIDTHS * width):
        centre = formants[:, k : k + 1] ** 2 + bandwidth**2 / 4
        gain += 20 * np.log10(centre) - 10 * np.log10((squared - centre) ** 2 + squared * bandwidth**2 + 1e-9)
    return gain


def partial_levels(performance: Performance, singer: Singer) -> NDArray[np.float32]:
    """Amplitude of each harmonic at each knot, ``(knots, harmonics)``; zero above `TOP`."""
    count = int(np.clip(TOP // performance.f0.min(), 1, 128))
    frequencies = performance.f0[:, None] * np.arange(1, count + 1)
    octaves = np.log2(np.maximum(frequencies, 100.0) / 100.0)
    fall = singer.tilt + singer.effort * (-performance.effort[:, None] / 20)
    gain = _resonances(frequencies, performance.formants, singer.bandwidth) - fall * octaves
    gain -= performance.damping[:, None] * np.log2(np.maximum(frequencies, 500.0) / 500.0)
    gain += singer.ripple[:count]
    # A voice is about as loud on every vowel and pitch: singers even out what the resonances would do.
    power = 10 * np.log10(np.sum(10 ** (gain / 10), axis=1, keepdims=True))
    fade = np.clip((TOP - frequencies) / 200.0, 0.0, 1.0)
    level = performance.level[:, None] * 10 ** ((gain - 0.8 * power) / 20) * fade
    return np.asarray(level, dtype=np.float32)


def _knots_to_samples(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear interpolation of ``(knots,)`` to ``((knots - 1) * CONTROL,)`` samples."""
    ramp = np.arange(CONTROL) / CONTROL
    return np.asarray((curve[:-1, None] + np.diff(curve)[:, None] * ramp).reshape(-1))


def render_harmonics(
    performance: Performance, singer: Singer, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The voiced sound, ``((knots - 1) * CONTROL,)``: partials in phase with the running integral of F0."""
    phase = 2 * np.pi * np.cumsum(_knots_to_samples(performance.f0)) / SAMPLE_RATE
    levels = partial_levels(performance, singer).astype(np.float64)
    twice = 2 * np.cos(phase)
    previous, current = np.zeros_like(phase), np.sin(phase)
    quadrature_previous, quadrature = np.ones_like(phase), np.cos(phase)
    # Each partial has a fixed phase of its own, as the vocal tract gives it.
    offsets = np.cumsum(rng.normal(0, 0.7, levels.shape[1]))
    sound = np.zeros_like(phase)
    for k in range(levels.shape[1]):  # sin((k+1) phi) = 2 cos(phi) sin(k phi) - sin((k-1) phi)
        if levels[:, k].any():
            wave = np.cos(offsets[k]) * current + np.sin(offsets[k]) * quadrature
            sound += _knots_to_samples(levels[:, k]) * wave
        previous, current = current, twice * current - previous
        quadrature_previous, quadrature = quadrature, twice * quadrature - quadrature_previous
    return sound


def render_noise(performance: Performance, singer: Singer, rng: np.random.Generator) -> NDArray[np.float64]:
    """Breath (through the formants) and consonants (bands of noise), ``((knots - 1) * CONTROL,)``."""
    knots = len(performance.f0)
    size = 4 * CONTROL
    frequencies = np.tile(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), (knots, 1))
    tract = _resonances(frequencies, performance.formants, 1.5 * singer.bandwidth)
    tract -= tract.max(axis=1, keepdims=True)
    breath = performance.breath[:, None] * 10 ** (tract / 20)
    centre, width = performance.hiss_band[:, :1], performance.hiss_band[:, 1:]
    hiss = performance.hiss[:, None] / np.sqrt(1 + ((frequencies - centre) / (width / 2)) ** 2)
    window = np.hanning(size + 1)[:-1]
    padded = np.concatenate((rng.standard_normal((knots + 3) * CONTROL), np.zeros(CONTROL)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::CONTROL][:knots]
    shaped = irfft(rfft(frames * window, axis=1) * (breath + hiss), axis=1) * window
    sound = np.zeros((knots + 3) * CONTROL)
    for part in range(4):  # overlap-add of four quarter-windows, each a contiguous block
        block = shaped[:, part * CONTROL : (part + 1) * CONTROL]
        sound[part * CONTROL : (part + knots) * CONTROL] += block.reshape(-1)
    return np.asarray(sound[2 * CONTROL : 2 * CONTROL + (knots - 1) * CONTROL]) * (0.6 / 1.5)


def sing(
    performance: Performance, singer: Singer, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Render one part.

    Returns:
        audio ``(samples,)`` at 16 kHz, root mean square of its voiced part 0.1, and F0 ``(frames,)`` in Hz,
        0 where no voiced sound is made (36 dB below the loud notes).
    """
    harmonics = render_harmonics(performance, singer, rng)
    level = performance.level[::_STRIDE]
    loud = np.quantile(level[level > 0], 0.9) if (level > 0).any() else 1.0
    voiced = level > VOICED_FLOOR * loud
    f0 = np.where(voiced, performance.f0[::_STRIDE], 0.0)
    sounding = np.repeat(voiced[:-1], HOP)
    rms = np.sqrt(np.mean(harmonics[sounding] ** 2)) if sounding.any() else 1.0
    audio = harmonics * (0.1 / max(float(rms), 1e-9)) + 0.1 * render_noise(performance, singer, rng)
    return audio.astype(np.float32), f0.astype(np.float32)
