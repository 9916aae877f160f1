"""How far a voice is from an F0 curve, measured without anything of `vocsep`: by its fundamental's phase."""

import numpy as np
from scipy.ndimage import binary_erosion, gaussian_filter1d

FRAME = 0.016  # s


def cents_from(audio: np.ndarray, rate: int, f0: np.ndarray, width: float = 0.02) -> np.ndarray:
    """Cents between the fundamental of ``(samples,)`` and the curve ``(frames,)`` in Hz, inside voiced runs.

    The sound is turned back by the curve's running phase; what still turns is the difference.
    """
    voiced = np.isfinite(f0)
    curve = np.interp(np.arange(len(audio)) / rate, np.flatnonzero(voiced) * FRAME, f0[voiced])
    turned = audio * np.exp(-2j * np.pi * np.cumsum(curve) / rate)
    slow = gaussian_filter1d(turned.real, width * rate) + 1j * gaussian_filter1d(turned.imag, width * rate)
    away = np.diff(np.unwrap(np.angle(slow))) * rate / (2 * np.pi)
    at = np.rint(np.flatnonzero(binary_erosion(voiced, iterations=4)) * FRAME * rate).astype(int)
    at = at[at < len(away)]
    return np.asarray(1200 * np.log2(1 + away[at] / curve[at]))
