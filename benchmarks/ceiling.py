"""The ceiling of fitted partials: what they reach with the true F0 and the true powers, beside the best mask.

For quality.py: `joint_ceiling` is a row beside the oracle masks.
"""

import numpy as np
import torch
from mixtures import Stems

from vocsep.filtering.joint import correction
from vocsep.filtering.masks import soft_masks
from vocsep.filtering.trust import SHIPPED, SIGNS, Trust
from vocsep.pitch.tracks import F0Tracks
from vocsep.source.powers import comb_powers
from vocsep.spectra import MASK_FFT, frame_count, istft, stft

SURE = Trust((0.0,) * SIGNS, 50.0)  # every fitted partial is taken as it is


def joint_ceiling(stems: Stems, reference: F0Tracks, trust: Trust = SHIPPED) -> Stems:
    """Separate a mixture by partials whose F0 and powers are known, and by the best power mask for the rest.

    Args:
        stems: ``(voices, samples)`` at 16 kHz, true ones.
        reference: their F0.
        trust: in fitted partials; `SURE` for all.

    Returns:
        ``(voices, samples)``.
    """
    voices = torch.from_numpy(stems)
    mixture, samples = voices.sum(dim=0), stems.shape[1]
    powers = comb_powers(voices)
    masks = soft_masks(powers)
    by_masks = istft(masks * stft(mixture, MASK_FFT), samples, MASK_FFT)
    found = correction(mixture, reference.fitted(frame_count(samples)).as_input(), powers, masks, trust)
    return np.asarray((by_masks if found is None else by_masks + found).numpy())
