"""Whose voice is on which track, moment by moment, and how sure that is.

Tracks are in order of height, and one voice may come to be on the track of another: where they cross, and
where one rests and the others move up. Each singer is on one track at a time, which is a hidden Markov chain:

- he changes tracks where both would go on as smoothly the other way round, and where one of them is silent;
- he sings about where his own track does as a whole, and with its sound (`vocsep.pitch.envelopes`): the
  cepstra of a track, around any moment, are compared with those of all tracks at other times;
- to where he changes is told by how near the tracks are to each other as a whole.

Forward and backward sums (L. R. Rabiner, Proc. IEEE 77(2), 1989) give the probability of each track at each
moment for one singer by himself. Scaled until those of a track add up to one as well (R. Sinkhorn, Annals of
Mathematical Statistics 35(2), 1964), they say whose sound it is. Frames and windows are not independent, so
both kinds of evidence count little. All weights were chosen by the probability of the right track, and by
SI-SDR of stems that are shared by it, on real, ChoralSynth and synthetic quartets.
"""

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.envelopes import EVERY

Array = NDArray[np.float64]

SPREAD = 3.0  # semitones, deviation of what is sung on a track
FARTHEST = 4.0  # deviations that count at most
HEIGHT, SOUND = 0.006, 0.03  # of a frame's log likelihood that counts
NEARER, STAYS = 0.3, 2.0  # how much rarer far tracks are, a squared deviation; how much commoner his own
SMOOTH, SILENT, ELSE = 0.05, 0.03, 3e-4  # a frame: changes where smooth, where one is silent, anywhere
ROUGH, JUMP = 1.0, 8.0  # nats a semitone that a change moves more than none; semitones that count at most
AROUND = 16  # windows on either side, 1 s, that say nothing of what a singer sounds like there
PRIOR = 10.0  # windows, of the mean of all singers, in the mean of one
ROUNDS = 2
BALANCED = 30  # times that rows and columns are scaled
LISTED = 6  # voices of which all permutations are looked at
SURE = 0.8  # nats by which another track must be likelier to be taken


def singer_posterior(pitch: Array, cepstra: Array, heard: NDArray[np.bool_]) -> Array:
    """Probability that a singer is on a track.

    Args:
        pitch: ``(tracks, frames)`` semitones, NaN = silent.
        cepstra: ``(tracks, windows, coefficients)``, in every `EVERY`-th frame. heard: ``(tracks, windows)``
            where these say something. Both of `vocsep.pitch.envelopes.track_envelopes`.

    Returns:
        ``(singers, tracks, windows)``; each row and each column adds up to one.
    """
    own = pitch[:, ::EVERY]
    count, windows = own.shape
    middle = np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else 60.0 for row in own])
    prior = np.exp(-NEARER * ((middle[:, None] - middle) / SPREAD) ** 2) + STAYS * np.eye(count)
    prior /= prior.sum(axis=1, keepdims=True)
    away = np.minimum(np.abs(own - middle[:, None, None]) / SPREAD, FARTHEST)
    height = -0.5 * HEIGHT * EVERY * np.where(np.isfinite(own), away, 1.0) ** 2
    changes = _changes(own)
    posterior = np.repeat(np.eye(count)[:, :, None], windows, axis=2)
    for _ in range(ROUNDS):
        posterior = _chained(height + _sounds(posterior, cepstra, heard), changes, prior)
    return posterior


def named_by_singers(pitch: Array, posterior: Array) -> Array:
    """Tracks of singers: another one than his own is a singer's where that is likelier by `SURE`.

    Args:
        pitch: ``(tracks, frames)`` semitones, NaN = silent. posterior: of `singer_posterior`.

    Returns:
        ``(singers, frames)``; the same object where all stay on their own.
    """
    order = np.arange(len(pitch))[:, None]
    worth = np.log(posterior) + SURE * np.eye(len(pitch))[:, :, None]
    doubtful = np.flatnonzero((worth.argmax(axis=1) != order).any(axis=0))
    if not len(doubtful):
        return pitch
    tracks = np.repeat(order, posterior.shape[2], axis=1)
    tracks[:, doubtful] = _most_worth(worth[:, :, doubtful])
    return np.take_along_axis(pitch, tracks.repeat(EVERY, axis=1)[:, : pitch.shape[1]], axis=0)


def _most_worth(worth: Array) -> NDArray[np.int64]:
    """Which track each singer has where all together are worth most, ``(singers, windows)``; ``worth``:
    ``(singers, tracks, windows)``."""
    count = len(worth)
    if count <= LISTED:
        ways = np.array(list(permutations(range(count))))
        return np.asarray(ways[worth[np.arange(count), ways].sum(axis=1).argmax(axis=0)].T)
    from scipy.optimize import linear_sum_assignment  # takes a quarter of a second to import

    return np.stack(
        [linear_sum_assignment(one, maximize=True)[1] for one in np.moveaxis(worth, 2, 0)], axis=1
    )


def _changes(pitch: Array) -> Array:
    """How likely it is that a singer has changed from one track to another since the window before, before it
    is asked to which, ``(windows, tracks, tracks)``; 0 to the same.

    Args:
        pitch: ``(tracks, windows)`` semitones, NaN = silent.
    """
    sung = np.isfinite(pitch)
    last = np.maximum.accumulate(np.where(sung, np.arange(pitch.shape[1]), -1), axis=1)
    last = np.where(last < 0, sung.argmax(axis=1)[:, None], last)  # before the first note, that one
    line = np.nan_to_num(np.take_along_axis(pitch, last, axis=1))
    moved = np.minimum(np.abs(line[:, None, :-1] - line[:, 1:]), JUMP)  # from one, to another
    stays = np.einsum("jjt->jt", moved)
    more = np.maximum(moved + moved.swapaxes(0, 1) - stays[:, None] - stays, 0.0)
    silent = ~(sung[:, None] & sung)
    rate = ELSE + SILENT * silent
    rate[:, :, 1:] += SMOOTH * np.exp(-ROUGH * more)
    rate = np.minimum(EVERY * rate, 0.5 / len(pitch)) * ~np.eye(len(pitch), dtype=np.bool_)[:, :, None]
    return np.asarray(np.moveaxis(rate, -1, 0))


def _sounds(posterior: Array, cepstra: Array, heard: NDArray[np.bool_]) -> Array:
    """Log likelihood of each track's cepstra by each singer, less the mean of the singers', ``(singers,
    tracks, windows)``; 0 where nothing is heard."""
    weight = posterior * heard
    if not weight.any():
        return np.zeros_like(posterior)
    sums = np.einsum("ijt,jtc->itc", weight, cepstra)
    mean = sums.sum(axis=(0, 1)) / weight.sum()
    count, total = (_elsewhere(rows) for rows in (weight.sum(axis=1), sums))
    means = (total + PRIOR * mean) / (count + PRIOR)[..., None]
    spread = 1e-3 * np.eye(cepstra.shape[-1])
    for singer, own in enumerate(means):  # one at a time: an hour of all would fill the memory
        apart = cepstra - own
        spread += np.einsum("jt,jtc,jtd->cd", weight[singer], apart, apart, optimize=True) / weight.sum()
    whiten = np.linalg.cholesky(np.linalg.inv(spread))
    squares = np.stack([np.square((cepstra - own) @ whiten).sum(axis=-1) for own in means])
    return np.asarray(-0.5 * SOUND * EVERY * (squares - squares.mean(axis=0)) * heard)


def _elsewhere(rows: Array) -> Array:
    """Sums over all windows but those `AROUND` each, of ``(singers, windows, ...)``, the same shape."""
    windows = np.arange(rows.shape[1])
    sums = np.concatenate((np.zeros_like(rows[:, :1]), rows.cumsum(axis=1)), axis=1)
    last, first = np.minimum(windows + AROUND + 1, len(windows)), np.maximum(windows - AROUND, 0)
    return np.asarray(sums[:, -1:] - sums[:, last] + sums[:, first])


def _chained(evidence: Array, changes: Array, prior: Array) -> Array:
    """The posterior of each singer's chain, balanced.

    Args:
        evidence: ``(singers, tracks, windows)`` nats. changes: of `_changes`.
        prior: ``(singers, tracks)``, of a track that is changed to.
    """
    likely = np.moveaxis(np.exp(evidence - evidence.max(axis=1, keepdims=True)), -1, 0)
    leaves = prior @ changes.swapaxes(1, 2)  # (windows, singers, tracks)
    forward, backward, stays = np.empty_like(likely), np.ones_like(likely), 1 - leaves
    reached, turned, sums = prior * likely[0], changes.swapaxes(1, 2), np.ones_like(prior)
    forward[0] = reached / (reached @ sums)  # a product is faster than a sum of so few
    for window in range(1, len(likely)):
        before = forward[window - 1]
        reached = (before * stays[window] + prior * (before @ changes[window])) * likely[window]
        forward[window] = reached / (reached @ sums)
    for window in range(len(likely) - 1, 0, -1):
        ahead = backward[window] * likely[window]
        goes = ahead * stays[window] + (prior * ahead) @ turned[window]
        backward[window - 1] = goes / (goes @ sums)
    both = np.maximum(forward * backward, 1e-12)
    both = np.maximum(both / both.sum(axis=2, keepdims=True), 1e-6)
    for _ in range(BALANCED):
        both /= both.sum(axis=1, keepdims=True)
        both /= both.sum(axis=2, keepdims=True)
    return np.asarray(np.moveaxis(both, 0, -1))
