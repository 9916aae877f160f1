"""Dereverberation before pitches are looked for: what a room makes of the past is predicted, and taken away.

In each bin the tail of a frame is a linear function of the frames before it, the nearest of which are left
out so that the voice itself is not predicted from its own last moments. The prediction weighs frames by one
over the power of what is sung, which is sought in turns with it (T. Nakatani, T. Yoshioka, K. Kinoshita,
M. Miyoshi and B.-H. Juang, "Speech dereverberation based on variance-normalized delayed linear prediction",
IEEE Transactions on Audio, Speech, and Language Processing 2010). Vowels are held longer in song than in
speech, and some of a held note is taken for its tail: good enough to hear when notes change, not to be
listened to.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from vocsep.memory import still_wanted
from vocsep.spectra import HOP, istft, power, stft

FFT = 1024  # samples: 64 ms, so that a note is many frames
TAPS = 20  # frames of the past that a tail is predicted from: 320 ms
DELAY = 5  # frames between: 80 ms, about what the voice itself holds on
ROUNDS = 3
LEAST = 1e-4  # of the bin's mean power: a frame below that weighs as much as if it had that
RIDGE = 1e-6  # of the mean power of the past, added to its covariance
TOGETHER = 32  # bins: the past of a minute is 20 MB, of which a few copies are made


@torch.no_grad()
def dereverberated(signal: Tensor) -> Tensor:
    """A recording with its tails taken away.

    Args:
        signal: ``(samples,)`` at 16 kHz.

    Returns:
        ``(samples,)``; silence stays silence.
    """
    spectrum = stft(signal, FFT, HOP)
    dry = torch.cat([_without_tails(bins) for bins in torch.split(spectrum, TOGETHER)])
    return istft(dry, signal.shape[-1], FFT, HOP)


def _without_tails(heard: Tensor) -> Tensor:
    """Some bins of a spectrum, ``(bins, frames)`` complex, without what their past predicts."""
    still_wanted()
    past = pad(heard, (DELAY + TAPS - 1, 0))[:, : heard.shape[1] + TAPS - 1].unfold(1, TAPS, 1)
    least = LEAST * power(heard).mean(dim=1, keepdim=True).clamp_min(1e-20)
    ridge = torch.eye(TAPS, device=heard.device, dtype=heard.dtype)
    dry = heard
    for _ in range(ROUNDS):
        weighted = (past / torch.maximum(power(dry), least)[..., None]).mH  # (bins, taps, frames)
        covariance = weighted @ past
        level = covariance.diagonal(dim1=1, dim2=2).real.mean(dim=1).clamp_min(1e-20)
        known = covariance + RIDGE * level[:, None, None] * ridge
        prediction = torch.linalg.solve(known, weighted @ heard[..., None])
        dry = heard - (past @ prediction)[..., 0]
    return dry
