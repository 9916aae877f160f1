"""Training examples for the post-filter: synthetic singing, and what is expected of each of its voices.

What the post-filter must mend is what expected powers really miss, wrong pitches included, so each mixture is
listened to and explained once, as a recording would be; now and then with the true F0 instead, and now and
then without adaptation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.errors import VoicesNotFound
from vocsep.estimator.adapt_settings import AdaptSettings
from vocsep.filtering.postfilter_features import BINS
from vocsep.methods.source_filter import SourceFilterSettings, Start, estimate_sources
from vocsep.pitch.alternatives import alternatives_of, surely_sung
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.repertoire import Repertoire
from vocsep.singers.room import background, coloured
from vocsep.training.refiner_examples import followed

VOICES, OFTEN = (2, 3, 4, 5, 6), (0.18, 0.20, 0.46, 0.10, 0.06)  # how many sing, and how often
ONE_SCORE = 0.75  # of the mixtures: all parts of one score, in harmony
NO_GUESTS = 0.5  # of the mixtures: at most these four
TRUE_F0 = 0.25  # of the examples: pitches that somebody has corrected
UNADAPTED = 0.2  # of the examples
LEAST_SUNG = 0.2  # of the frames, by each voice
DECIBELS = (-100.0, 100.0)  # of stored powers


@dataclass(frozen=True)
class PostfilterExample:
    """One mixture and what was expected in it; row by row the same singer.

    Attributes:
        mixture: ``(samples,)`` at 16 kHz, loudest sample 1.
        stems: ``(voices, samples)`` what each voice sang.
        f0: ``(voices, frames)`` Hz that separation went by, 0 = unvoiced.
        powers: ``(voices, BINS, frames)`` expected, in dB.
        exponent: of the masks.
    """

    mixture: NDArray[np.float32]
    stems: NDArray[np.float16]
    f0: NDArray[np.float32]
    powers: NDArray[np.float16]
    exponent: float


@dataclass(frozen=True)
class Sung:
    """A mixture ``(samples,)``, its stems ``(voices, samples)`` and their F0 ``(voices, frames)`` in Hz."""

    mixture: NDArray[np.float32]
    stems: NDArray[np.float32]
    f0: NDArray[np.float64]


def mix(songs: Repertoire, rng: np.random.Generator) -> Sung:
    """Some voices of a repertoire, at levels of their own, as a random recording has them."""
    samples, voices = songs.audio.shape[-1], int(rng.choice(VOICES, p=OFTEN))
    rows = [(int(rng.integers(songs.songs)), int(part)) for part in rng.permutation(4)]
    if rng.random() < ONE_SCORE:
        rows = [(rows[0][0], part) for _, part in rows]
    if rng.random() >= NO_GUESTS:
        rows += [(int(rng.integers(songs.songs)), int(part)) for part in rng.permutation(4)]
    rows = rows[:voices]
    weakest = -14.0 if rng.random() < 0.5 else -6.0
    gains = [10 ** (rng.uniform(weakest, 3.0) / 20) / songs.level[row] for row in rows]
    stems = np.stack(
        [gain * songs.audio[row].astype(np.float64) for gain, row in zip(gains, rows, strict=True)]
    )
    stems = coloured(rng, stems)
    mixture = stems.sum(axis=0)
    loudness = np.sqrt(np.mean(mixture**2)) + 1e-6
    mixture = mixture + loudness * 10 ** (rng.uniform(-75, -30) / 20) * background(rng, samples)
    peak = np.abs(mixture).max() + 1e-9
    f0 = np.stack([songs.f0[row] for row in rows]).astype(np.float64)
    return Sung((mixture / peak).astype(np.float32), (stems / peak).astype(np.float32), f0)


def in_order_of(tracks: F0Tracks, sung: Sung) -> Sung:
    """The same mixture with its voices in the order in which the tracks follow them best."""
    frames = sung.f0.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        found, truth = (12 * np.log2(f0 / 440) for f0 in (tracks.fitted(frames).frequencies, sung.f0))
        truth = np.where(np.isfinite(truth), truth, np.nan)
    order = followed(found, truth)
    return Sung(sung.mixture, sung.stems[order], sung.f0[order])


def explained(sung: Sung, f0: F0Tracks, start: Start, steps: int) -> PostfilterExample:
    """The example that a mixture gives when it is separated with these pitches."""
    settings = SourceFilterSettings(steps, partials=False)
    given = surely_sung(f0).fitted(sung.f0.shape[1])
    alternative = alternatives_of(f0).fitted(sung.f0.shape[1]).as_input()
    result = estimate_sources(
        torch.from_numpy(sung.mixture), given.as_input(), start, settings, alternative=alternative
    )
    if result.powers is None:
        raise ValueError("an estimate without powers")
    decibels = (10 * torch.log10(result.powers[:, :BINS] + 1e-10)).clamp(*DECIBELS)
    return PostfilterExample(
        sung.mixture,
        sung.stems.astype(np.float16),
        given.as_input().numpy(),
        decibels.to(torch.float16).numpy(),
        settings.mask_exponent(result.room),
    )


def make_examples(
    songs: Repertoire,
    pitch: PitchEstimator,
    start: Start,
    count: int,
    seed: int | Sequence[int],
    progress: Callable[[float], None] | None = None,
) -> list[PostfilterExample]:
    """``count`` mixtures, listened to and explained; about a fifth of a second of a core for each of music.

    Args:
        songs: to mix.
        pitch: finds the F0 of known numbers of voices.
        start: what adaptation starts from, as in `vocsep.methods.source_filter.explain`.
        progress: told the share done, 0 to 1.
    """
    rng = np.random.default_rng(seed)
    examples: list[PostfilterExample] = []
    while len(examples) < count:
        sung = mix(songs, rng)
        if ((sung.f0 > 0).mean(axis=1) < LEAST_SUNG).any():
            continue
        true, adapted = rng.random() < TRUE_F0, rng.random() >= UNADAPTED
        tracks = F0Tracks(sung.f0)
        if not true:
            try:
                tracks = pitch.estimate(sung.mixture, len(sung.stems))
            except VoicesNotFound:
                continue
            sung = in_order_of(tracks, sung)
        examples.append(explained(sung, tracks, start, AdaptSettings.steps if adapted else 0))
        if progress is not None:
            progress(len(examples) / count)
    return examples
