"""Where they sing: reverberation, microphone and recording, as simple statistical models."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from vocsep.spectra import SAMPLE_RATE

Audio = NDArray[np.float32]


def room_response(
    rng: np.random.Generator, reverberation_time: float, direct_to_reverberant: float
) -> NDArray[np.float64]:
    """Impulse response of a room: direct sound, sparse early reflections and a decaying diffuse tail.

    The tail is exponentially decaying Gaussian noise whose high frequencies die sooner (J. A. Moorer, "About
    this reverberation business", 1979).

    Args:
        reverberation_time: seconds in which the tail falls by 60 dB at low frequencies.
        direct_to_reverberant: energy ratio in dB.

    Returns:
        ``(taps,)`` with the direct sound of amplitude 1 at tap 0.
    """
    taps = max(int(reverberation_time * SAMPLE_RATE), 64)
    time = np.arange(taps) / SAMPLE_RATE
    tail = np.zeros(taps)
    frequencies = np.fft.rfftfreq(taps, 1 / SAMPLE_RATE)
    noise = np.fft.rfft(rng.standard_normal(taps))
    for low, high, share in (
        (0, 1000, 1.0),
        (1000, 3000, rng.uniform(0.6, 1.0)),
        (3000, 8001, rng.uniform(0.3, 0.8)),
    ):
        band = np.fft.irfft(noise * ((frequencies >= low) & (frequencies < high)), taps)
        tail += band * np.exp(-6.9 * time / (reverberation_time * share))
    tail *= 1 - np.exp(-time / rng.uniform(0.002, 0.03))  # the diffuse field builds up
    for delay in rng.uniform(0.002, 0.05, rng.integers(2, 7)):
        tail[min(int(delay * SAMPLE_RATE), taps - 1)] += rng.normal(0, 3.0) * np.exp(-30 * delay)
    tail *= 10 ** (-direct_to_reverberant / 20) / np.sqrt(np.sum(tail**2) + 1e-12)
    tail[0] = 1.0
    return tail


def random_room(rng: np.random.Generator) -> tuple[float, float]:
    """Reverberation time (s) and direct-to-reverberant ratio (dB): from a booth to a cathedral."""
    kind = rng.random()
    if kind < 0.3:
        return float(rng.uniform(0.08, 0.25)), float(rng.uniform(8, 20))
    if kind < 0.75:
        return float(rng.uniform(0.25, 1.0)), float(rng.uniform(0, 14))
    return float(rng.uniform(1.0, 3.5)), float(rng.uniform(-3, 9))


def reverberate(audio: Audio, response: NDArray[np.float64]) -> Audio:
    """``audio`` ``(samples,)`` as heard in the room, of the same length."""
    return np.asarray(fftconvolve(audio, response)[: len(audio)], dtype=np.float32)


def equaliser(rng: np.random.Generator, points: int = 8) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A smooth random colouring: frequencies (Hz) and gains (dB), now and then with the ends cut off."""
    frequencies = np.geomspace(60, 8000, points)
    gains = rng.normal(0, rng.uniform(0.5, 4.0), points) + rng.normal(0, 2.0) * (
        np.log2(frequencies / 700) / 2
    )
    if rng.random() < 0.3:
        gains -= 12 * np.maximum(np.log2(rng.uniform(60, 180) / frequencies), 0)
    if rng.random() < 0.2:  # telephones, old tapes, low bit rates: nothing above
        gains -= 60 * np.clip((frequencies - np.exp(rng.uniform(np.log(1500), np.log(7000)))) / 600, 0, 1)
    return frequencies, gains


def coloured(rng: np.random.Generator, signals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Signals ``(..., samples)`` through one random `equaliser`."""
    frequencies, gains = equaliser(rng)
    axis = np.fft.rfftfreq(signals.shape[-1], 1 / SAMPLE_RATE)
    shape = 10 ** (np.interp(np.log(axis + 1.0), np.log(frequencies), gains) / 20)
    return np.asarray(np.fft.irfft(np.fft.rfft(signals) * shape, signals.shape[-1]))


def background(rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """Noise of unit variance: white to brown, sometimes with mains hum and a few clicks; ``(samples,)``."""
    frequencies = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal(samples)) / np.maximum(frequencies, 30.0) ** rng.uniform(
        0, 1.2
    )
    noise = np.fft.irfft(spectrum, samples)
    noise /= noise.std()
    if rng.random() < 0.15:
        time, mains = np.arange(samples) / SAMPLE_RATE, rng.choice((50.0, 60.0))
        for harmonic in range(1, 6):
            noise += (
                rng.uniform(0, 1.5)
                / harmonic
                * np.sin(2 * np.pi * mains * harmonic * time + rng.uniform(0, 6.3))
            )
    if rng.random() < 0.1:
        noise[rng.integers(0, samples, 5)] += rng.normal(0, 30, 5)
    return np.asarray(noise / noise.std())
