"""Sums over bands block by block are products with all weights."""

import pytest
import torch

from vocsep.estimator.bands import BandSums, band_centres, band_weights
from vocsep.source.voice import mel


@pytest.mark.parametrize("bands", [2, 8, 16, 17, 40, 128])
@pytest.mark.parametrize("fft_size", [512, 2048])
def test_sums_are_products_with_the_weights(bands: int, fft_size: int) -> None:
    spectra = torch.rand(2, 3, 7, fft_size // 2 + 1, dtype=torch.float64).transpose(1, 2)
    sums = BandSums.of(bands, fft_size, spectra)
    # The weights themselves are made in single precision.
    torch.testing.assert_close(
        sums(spectra), spectra @ band_weights(bands, fft_size).double(), rtol=1e-5, atol=0
    )


def test_a_weight_decays_with_distance_in_mel() -> None:
    weights, centres = band_weights(40, 2048), band_centres(40)
    bins = torch.linspace(0, 8000, 1025)
    distance = (mel(bins)[:, None] - mel(centres)).abs() / (mel(centres[1]) - mel(centres[0]))
    torch.testing.assert_close(weights, torch.exp(-1.8 * distance), rtol=1e-3, atol=1e-12)


def test_a_single_bin_reaches_bands_far_off() -> None:
    """What lies in one block is heard in all others, as little as the weights say."""
    spectrum = torch.zeros(1025, dtype=torch.float64)
    spectrum[1000] = 1.0
    found = BandSums.of(40, 2048, spectrum)(spectrum)
    torch.testing.assert_close(found, band_weights(40, 2048)[1000].double(), rtol=1e-5, atol=0)
    assert (found > 0).all()
