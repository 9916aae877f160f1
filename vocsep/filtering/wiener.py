"""Wiener filtering of the original recording with soft masks.

Masks live on an analysis grid (an STFT at 16 kHz, 2048/256 unless a method has its own) and add up to one in
every bin, so the filtered stems add up to the recording, sample for sample. A recording of another rate is
filtered with windows of the same length in time, and the masks are read between their bins and frames; above
the analysis band each frame's mask goes on as it is below.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from vocsep.filtering.multichannel import channels_differ, spatial_filter
from vocsep.memory import still_wanted
from vocsep.source.powers import mask_frequencies
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, istft, scaled, stft

TOP_BAND = (4_000.0, 7_600.0)  # Hz, decides about everything above
HANDOVER = (6_800.0, 7_600.0)  # Hz, from the mask of the bin to the mask of the top band


def _read_between(masks: Tensor, bins: Tensor, frames: Tensor) -> Tensor:
    """Bilinear reading of masks ``(voices, bins, frames)`` at fractional bins and frames."""
    low = bins.floor().long().clamp(0, masks.shape[1] - 2)
    across = torch.lerp(masks[:, low], masks[:, low + 1], (bins - low).clamp(0, 1)[None, :, None])
    before = frames.floor().long().clamp(0, max(masks.shape[2] - 2, 0))
    after = (before + 1).clamp_max(masks.shape[2] - 1)
    return torch.lerp(across[:, :, before], across[:, :, after], (frames - before).clamp(0, 1)[None, None, :])


def _top_band_masks(masks: Tensor, powers: Tensor | None, hop: int) -> Tensor:
    """Share of each voice in the top band, smooth over a tenth of a second: ``(voices, 1, frames)``."""
    frequencies = mask_frequencies(masks.device, 2 * (masks.shape[1] - 1))
    band = (frequencies >= TOP_BAND[0]) & (frequencies <= TOP_BAND[1])
    if powers is None:
        share = masks[:, band].mean(dim=1, keepdim=True)
    else:
        weight = powers[:, band].sum(dim=0) + 1e-20
        share = (masks[:, band] * weight).sum(dim=1, keepdim=True) / weight.sum(dim=0)
    beside = 3 * HOP // hop
    return torch.nn.functional.avg_pool1d(
        share, 2 * beside + 1, stride=1, padding=beside, count_include_pad=False
    )


def wiener_filter(
    audio: Tensor,
    sample_rate: int,
    masks: Tensor,
    powers: Tensor | None = None,
    fft_size: int = MASK_FFT,
    grid_hop: int = HOP,
    spatial: bool = False,
) -> Tensor:
    """Split a recording by masks, and by where the voices are if its channels tell.

    Args:
        audio: ``(channels, samples)`` at ``sample_rate``.
        sample_rate: Hz.
        masks: ``(voices, fft_size // 2 + 1, frames)`` on the analysis grid of the same stretch of time.
        powers: of the voices, on the same grid; they weigh what decides about frequencies above 8 kHz.
        fft_size, grid_hop: samples at 16 kHz of the analysis grid.
        spatial: where channels differ, go on from the masks with `vocsep.filtering.multichannel`, up to 8
            kHz.

    Returns:
        ``(voices, channels, samples)``; adds up to ``audio``.
    """
    samples, voices = audio.shape[-1], range(len(masks))
    if sample_rate == SAMPLE_RATE:
        size, hop = fft_size, grid_hop
        spectrum = stft(audio, size, hop)
        low = spectrum.shape[-2]
        mask_of: Callable[[int], Tensor] = masks.__getitem__
    else:
        size = 2 * round(sample_rate * fft_size / SAMPLE_RATE / 2)
        hop = round(sample_rate * grid_hop / SAMPLE_RATE)
        spectrum = stft(audio, size, hop)
        frequencies = torch.arange(spectrum.shape[-2], device=audio.device) * (sample_rate / size)
        bins = (frequencies / (SAMPLE_RATE / fft_size)).clamp_max(masks.shape[1] - 1)
        frames = torch.arange(spectrum.shape[-1], device=audio.device) * (
            hop / sample_rate * SAMPLE_RATE / grid_hop
        )
        top = _top_band_masks(masks, powers, grid_hop)
        handover = ((frequencies - HANDOVER[0]) / (HANDOVER[1] - HANDOVER[0])).clamp(0, 1)[:, None]
        low = int((handover < 1).sum())

        def mask_of(voice: int) -> Tensor:
            still_wanted()
            read = _read_between(masks[voice, None], bins[:low], frames)[0]
            above = top[voice].expand(2, -1)[None]
            carried = _read_between(above, bins[:1], frames)[0]
            return torch.cat((torch.lerp(read, carried, handover[:low]), carried.expand(len(bins) - low, -1)))

    # One voice at a time: many channels at 192 kHz are large.
    if not spatial or len(masks) < 2 or not channels_differ(audio):
        return torch.stack([istft(scaled(spectrum, mask_of(voice)), samples, size, hop) for voice in voices])
    shares = torch.stack([mask_of(voice)[:low] for voice in voices])
    placed = spatial_filter(spectrum[:, :low], shares)
    del shares
    stems = []
    for voice in voices:
        above = scaled(spectrum[:, low:], mask_of(voice)[low:])
        stems.append(istft(torch.cat((placed.image(voice), above), dim=1), samples, size, hop))
    return torch.stack(stems)
