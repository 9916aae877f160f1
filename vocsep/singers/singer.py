"""Who sings: the lasting traits of a singer and the vowels of a voice.

Formant frequencies are the usual textbook averages for sung vowels (G. Fant, Acoustic Theory of Speech
Production, 1970; J. Sundberg, The Science of the Singing Voice, 1987), scaled for each singer's vocal tract.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Formants 1 to 5 of an average male tract, Hz.
VOWELS = np.array(
    [
        (660, 1120, 2550, 3300, 4200),  # a
        (530, 1680, 2500, 3400, 4300),  # e open
        (400, 1950, 2550, 3450, 4400),  # e closed
        (280, 2200, 2900, 3500, 4500),  # i
        (270, 1750, 2200, 3300, 4200),  # y
        (500, 950, 2500, 3250, 4100),  # o open
        (400, 750, 2450, 3200, 4100),  # o closed
        (310, 680, 2350, 3200, 4000),  # u
        (500, 1450, 2450, 3300, 4200),  # schwa
        (260, 1150, 2200, 3100, 4000),  # hummed m
    ],
    dtype=np.float64,
)
HUM = len(VOWELS) - 1
UPPER = np.array((5250.0, 6300.0, 7400.0))  # Hz, formants 6 to 8, the same for all vowels
BANDWIDTHS = np.array((70.0, 90.0, 130.0, 180.0, 250.0, 350.0, 450.0, 550.0))  # Hz


@dataclass(frozen=True)
class Singer:
    """Traits that last through a performance.

    Attributes:
        tract: factor on all formant frequencies (1 = average male, 1.17 = average female).
        formants: ``(vowels, 8)`` this singer's formants in Hz.
        bandwidth: factor on the formants' bandwidths.
        cluster: 0 to 1, how far formants 3 to 5 draw together (the singer's formant).
        tilt: fall of the glottal spectrum in dB per octave, at full voice.
        effort: additional fall in dB per octave at 20 dB below full voice.
        vibrato_rate: Hz. vibrato_depth: cents, to either side. vibrato_delay: seconds after the onset of a
            note.
        drift, jitter: standard deviation in cents of slow and of fast pitch fluctuation.
        intonation: standard deviation in cents of the error of each note. offset: cents, constant.
        glide: seconds of a legato transition. damping: of the pitch response (below 0.7 overshoots).
        scoop: chance of starting a phrase from below.
        articulation: chance that the consonant of a note disturbs its pitch. dip: semitones, mean size of
            the disturbance.
        breath: level of the breath noise in dB below the voice. consonants: level in dB of unvoiced
            consonants.
        ripple: ``(harmonics,)`` personal unevenness of the partials in dB.
    """

    tract: float
    formants: NDArray[np.float64]
    bandwidth: float
    cluster: float
    tilt: float
    effort: float
    vibrato_rate: float
    vibrato_depth: float
    vibrato_delay: float
    drift: float
    jitter: float
    intonation: float
    offset: float
    glide: float
    damping: float
    scoop: float
    articulation: float
    dip: float
    breath: float
    consonants: float
    ripple: NDArray[np.float64]


def random_singer(rng: np.random.Generator, median_pitch: float) -> Singer:
    """A singer whose vocal tract fits a part with the given median pitch (MIDI number)."""
    # High parts are mostly sung by short tracts, but altos may be men and tenors women.
    tract = float(np.clip(0.93 + 0.0105 * (median_pitch - 45) + rng.normal(0, 0.05), 0.86, 1.4))
    style = rng.random()  # from straight-toned early music to opera
    average = np.concatenate((VOWELS, np.tile(UPPER, (len(VOWELS), 1))), axis=1)
    personal = rng.normal(1.0, 0.05, average.shape) * rng.normal(1.0, 0.02, (1, average.shape[1]))
    depth = (
        float(rng.uniform(0, 20))
        if rng.random() < 0.3
        else float(rng.uniform(15, 50) + 60 * style * rng.random())
    )
    return Singer(
        tract=tract,
        formants=average * tract * personal,
        bandwidth=float(rng.uniform(0.8, 2.0)),
        cluster=float(np.clip(rng.normal(0.5 * style, 0.25), 0, 0.9)),
        tilt=float(rng.uniform(3.0, 12.0)),
        effort=float(rng.uniform(0.0, 5.0)),
        vibrato_rate=float(rng.uniform(4.3, 7.2)),
        vibrato_depth=depth,
        vibrato_delay=float(rng.uniform(0.0, 0.5)),
        drift=float(rng.uniform(8, 60)),
        jitter=float(rng.uniform(1, 25)),
        intonation=float(rng.uniform(3, 30)),
        offset=float(rng.normal(0, 10)),
        glide=float(np.exp(rng.uniform(np.log(0.008), np.log(0.1)))),
        damping=float(rng.uniform(0.5, 1.0)),
        scoop=float(rng.uniform(0, 0.8)),
        articulation=float(rng.uniform(0.3, 1.0)),
        dip=float(rng.uniform(0.4, 4.5)),
        breath=float(rng.uniform(-50, -14)),
        consonants=float(rng.uniform(-32, -4)),
        ripple=rng.normal(0, rng.uniform(0, 3.0), 128),
    )
