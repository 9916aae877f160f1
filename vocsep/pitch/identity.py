"""Which voice sings what, once tracks in order of height are as exact as they get.

Of two voices, ghosts of a unison go where they come from, both F0 are found where they are near each other,
and who is who is told by levels and continuity. Of three and more, the order of height stays but for
crossings in a glide, and where another track is surely likelier to be a singer's; they lose short notes that
nobody sings, and join each other in unison where they would else be silent and the line is heard to beat.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.pitch.beats import unison_evidence
from vocsep.pitch.candidates import log_odds
from vocsep.pitch.crossings import cross_voices
from vocsep.pitch.envelopes import track_envelopes
from vocsep.pitch.ghosts import without_short_ghosts
from vocsep.pitch.ghosts_of_unison import in_unison
from vocsep.pitch.harmonic_stack import BINS, bins_of
from vocsep.pitch.joining import UnisonCosts, join_unisons
from vocsep.pitch.naming import name_voices
from vocsep.pitch.near_voices import near_voices
from vocsep.pitch.pair_contours import NEAR, lasting_runs, pair_contours
from vocsep.pitch.singer_posterior import named_by_singers, singer_posterior

# Of three and more voices, beats are listened to, and tell a rest from a unison; who shares a line has not
# been said before. So silence costs more than of two.
OF_MANY = UnisonCosts(rest=0.15, breath=0.15)


def odds_of_tracks(salience: NDArray[np.uint8], pitch: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log odds of the salience at tracks, the largest of three bins.

    Args:
        salience: ``(BINS, frames)``, 0 to 255.
        pitch: ``(voices, frames)`` semitones, NaN = silent.

    Returns:
        ``(voices, frames)`` nats; what the lowest salience has where a track is silent.
    """
    known = np.isfinite(pitch)
    frequencies = 440.0 * 2 ** ((np.where(known, pitch, 69.0) - 69) / 12)
    bins = bins_of(torch.from_numpy(frequencies)).round().long().numpy()
    frame = np.arange(pitch.shape[1])
    heard = np.max([salience[np.clip(bins + side, 0, BINS - 1), frame] for side in (-1, 0, 1)], axis=0)
    return log_odds(np.where(known, heard / 255.0, 0.0))


def identified(
    audio: NDArray[np.float32], salience: NDArray[np.uint8], pitch: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One track for each voice.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        salience: ``(BINS, frames)``, 0 to 255.
        pitch: ``(voices, frames)`` semitones in order of height, two voices or more, NaN = silent.

    Returns:
        ``(voices, frames)``.
    """
    if len(pitch) == 2:
        pitch = in_unison(audio, pitch)
        joined = join_unisons(pitch, odds_of_tracks(salience, pitch))
        lines = near_voices(audio, pitch, joined)
        runs = lasting_runs(np.abs(lines[0] - lines[1]) < NEAR)
        sound = torch.from_numpy(np.ascontiguousarray(audio)).float()
        return name_voices(audio, *pair_contours(sound, lines, runs))
    ordered = cross_voices(without_short_ghosts(audio, pitch, odds_of_tracks(salience, pitch)))
    ordered = named_by_singers(ordered, singer_posterior(ordered, *track_envelopes(audio, ordered)))
    odds, evidence = odds_of_tracks(salience, ordered), unison_evidence(audio, ordered)
    return join_unisons(ordered, odds, OF_MANY, evidence)
