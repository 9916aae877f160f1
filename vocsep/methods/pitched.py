"""Spectrograms made of one template a pitch: who sings a pitch says with which template, and how loud it is.

A template belongs to a pitch, not to a voice, so all who sing it share it. In each frame a voice has one
activation at most: instead of a matrix of mostly zeros, its pitch and its activation are kept, and products
gather and scatter rows.
"""

import torch
from torch import Tensor

from vocsep.methods.dictionaries import harmonic_templates, pitch_frequencies, pitch_numbers

STEPS = 10  # templates a semitone
TINY = 1e-30  # keeps quotients of sums finite


class PitchedParts:
    """Templates and activations of several voices, begun from their F0.

    Args:
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        fft_size: samples at 16 kHz of the STFT.
        semitones, lobe: reach of a template around its harmonics, as in `harmonic_templates`.
        between: what a template begins with between harmonics, as a share of its mean; exact zeros stay zero.

    Attributes:
        pitches: ``(voices, frames)``, the row of ``templates`` that a voice sings.
        templates: ``(pitches, bins)``.
        activations: ``(voices, frames)``, 0 where unvoiced.
    """

    def __init__(
        self, f0: Tensor, fft_size: int, semitones: float, lobe: float, between: float = 0.0
    ) -> None:
        numbers, self.pitches = torch.unique(pitch_numbers(f0, STEPS), return_inverse=True)
        templates = harmonic_templates(pitch_frequencies(numbers, STEPS), fft_size, semitones, lobe)
        templates = templates + between * templates.mean(dim=1, keepdim=True)
        self.templates = templates * (numbers > 0)[:, None]
        self.activations = (f0 > 0).to(templates)

    def scale_to(self, mean: Tensor) -> None:
        """Scale the activations so that the model has this mean, if it is not silent."""
        self.activations *= mean / self.model().mean().clamp_min(TINY)

    def voice(self, voice: int) -> Tensor:
        """Spectrogram of one voice, ``(frames, bins)``."""
        spectrogram: Tensor = self.templates[self.pitches[voice]] * self.activations[voice, :, None]
        return spectrogram

    def model(self) -> Tensor:
        """Sum of all voices, ``(frames, bins)``."""
        model: Tensor = self.templates.new_zeros(self.pitches.shape[1], self.templates.shape[1])
        for voice in range(len(self.pitches)):
            model += self.voice(voice)
        return model

    def update_activations(self, more: Tensor, less: Tensor) -> None:
        """Multiplicative update.

        Args:
            more, less: ``(frames, bins)``; less minus more is the gradient of the cost by the model. For
                Kullback-Leibler they are ``target / model`` and 1.
        """
        for activation, pitches in zip(self.activations, self.pitches, strict=True):
            template = self.templates[pitches]
            wanted = torch.einsum("nf,nf->n", template, more)
            activation *= wanted / torch.einsum("nf,nf->n", template, less).clamp_min(TINY)

    def update_templates(self, more: Tensor, less: Tensor) -> None:
        """Multiplicative update; arguments as in `update_activations`."""
        wanted, had = torch.zeros_like(self.templates), torch.zeros_like(self.templates)
        for activation, pitches in zip(self.activations, self.pitches, strict=True):
            wanted.index_add_(0, pitches, more * activation[:, None])
            had.index_add_(0, pitches, less * activation[:, None])
        self.templates *= wanted / had.clamp_min(TINY)
