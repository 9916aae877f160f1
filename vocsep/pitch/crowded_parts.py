"""F0 of their own for three parts and more on one note or near it.

With the other voices held fixed, what these leave says where a voice's own comb is
(`vocsep.pitch.comb_contours`). The voices are looked at in turn, each along the cheapest path through its run
of frames near others; twice, since each look makes the others' tracks better.
"""

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.comb_contours import STEP, Combs, grid
from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.refinement import continued
from vocsep.pitch.smoothing import gaussian_filter1d

Array = NDArray[np.float64]

LOOKS = 2
SMOOTH = 1.0  # frames over which a track is smoothed before it is looked along
JUMP = 0.8  # semitones: a new note
WEIGHT = 0.5  # of a frame's likelihood: windows overlap
GLIDE, LEAP = 2.0, 4.0  # nats a semitone of movement, and at most


def looked_apart(audio: NDArray[np.float32], pitch: Array, crowded: NDArray[np.bool_]) -> Array:
    """Tracks with the F0 of each part found again where it is crowded.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(parts, frames)`` semitones, NaN = silent.
        crowded: the same shape.

    Returns:
        The same shape, silent where ``pitch`` is; the same object where nothing is crowded.
    """
    runs = [voiced_runs(rows) for rows in crowded & np.isfinite(pitch)]
    if not any(runs):
        return pitch
    found, combs = pitch.copy(), Combs(audio, pitch.shape[1])
    for _ in range(LOOKS):
        for part, own in enumerate(runs):
            if own:
                found[part] = _looked_along(combs, found, part, own)
    return np.asarray(found)


def _looked_along(combs: Combs, pitch: Array, part: int, runs: list[tuple[int, int]]) -> Array:
    """A part's track with its F0 in these runs found again."""
    lines = np.stack([_smoothed(track) for track in pitch])
    drawn = continued(lines)
    wanted = np.concatenate([np.arange(*run) for run in runs])
    cost = -WEIGHT * combs.likelihood(440.0 * 2 ** ((drawn - 69) / 12), np.isfinite(pitch), part, wanted)
    place = drawn[part, wanted, None] + grid() / 100
    track, done = pitch[part].copy(), 0
    for first, last in runs:
        here = slice(done, done + last - first)
        done += last - first
        before, after = (pitch[part, at] if 0 <= at < len(track) else np.nan for at in (first - 1, last))
        beyond = cost[here].copy()
        for edge, held in ((0, before), (-1, after)):
            if np.isfinite(held):
                beyond[edge] += _movement(place[here][edge] - held)
        track[first:last] = _cheapest(beyond, place[here])
    return np.asarray(track)


def _movement(semitones: Array) -> Array:
    return np.asarray(np.minimum(GLIDE * np.abs(semitones), LEAP))


def _smoothed(track: Array) -> Array:
    """A track smoothed within its notes: what it wavers blurs the partials that are demodulated with it."""
    track = track.copy()
    for first, last in voiced_runs(np.isfinite(track)):
        jumps = first + 1 + np.flatnonzero(np.abs(np.diff(track[first:last])) > JUMP)
        for note in np.split(np.arange(first, last), jumps - first):
            track[note] = gaussian_filter1d(track[note], SMOOTH, mode="nearest")
    return track


def _cheapest(cost: Array, place: Array) -> Array:
    """The cheapest path (A. J. Viterbi, 1967), refined below a step.

    Args:
        cost: ``(frames, places)`` nats. place: the same shape, semitones.

    Returns:
        ``(frames,)`` semitones.
    """
    frames, places = cost.shape
    back, total = np.zeros((frames, places), np.int64), cost[0]
    for frame in range(1, frames):
        reached = total[:, None] + _movement(place[frame - 1][:, None] - place[frame])
        back[frame] = reached.argmin(axis=0)
        total = reached.min(axis=0) + cost[frame]
    path = np.full(frames, total.argmin())
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    inside = path.clip(1, places - 2)
    below, at, above = (cost[np.arange(frames), inside + side] for side in (-1, 0, 1))
    vertex = np.clip(0.5 * (below - above) / np.maximum(below - 2 * at + above, 1e-6), -0.5, 0.5)
    return np.asarray(place[np.arange(frames), path] + np.where(path == inside, vertex, 0.0) * STEP / 100)
