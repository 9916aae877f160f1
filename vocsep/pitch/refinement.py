"""F0 refinement at each voice: its F0 and its silence again, now that the tracks of all voices are known.

The network (vocsep.pitch.refiner) gives, for each frame, the probability of every place near the track and of
silence. The path through the frames that costs least decides, for all voices at once and each by itself.
Passes can be repeated: a better track of one voice tells where its partials cover another's.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.memory import worked_in_spans
from vocsep.model import load_model, shipped_model
from vocsep.pitch.candidates import pitch_of_bins
from vocsep.pitch.chunked_viterbi import Survivors, survivors_of_frames
from vocsep.pitch.harmonic_stack import BELOW, BINS_PER_OCTAVE, TAUGHT
from vocsep.pitch.refiner import restore_refiner
from vocsep.pitch.refiner_features import OFFSETS, REACH, BothStacks, bins_of_tracks, refiner_features
from vocsep.precision import fast_convolutions, laid_out
from vocsep.spectra import HOP, pieces

Array = NDArray[np.float64]

CHUNK = 1250  # frames, 20 s, looked at together, or up to half more
CONTEXT = 314  # frames, 5 s, heard on either side: the loudness that a chunk is measured by
SEEN = 64  # frames on either side that the network reaches


@dataclass(frozen=True)
class PlaceCosts:
    """Costs in nats, beside the negative logarithm of the network's probability.

    Attributes:
        glide: a semitone of movement between frames. leap: most that a movement may cost.
        enter, leave: the voice begins or ends.
        silence: of a silent frame, on top of its probability. More than 0 where in doubt a miss should be the
            dearer mistake: on real quartets that changed no separation and cost F (measured).
    """

    glide: float = 0.5
    leap: float = 4.0
    enter: float = 0.7
    leave: float = 0.7
    silence: float = 0.0


def continued(pitch: Array) -> Array:
    """Tracks ``(voices, frames)`` in semitones drawn on through silence (NaN), straight from note to note."""
    drawn = np.full_like(pitch, 60.0)
    frames = np.arange(pitch.shape[1])
    for voice, track in enumerate(pitch):
        known = np.flatnonzero(np.isfinite(track))
        if len(known):
            drawn[voice] = np.interp(frames, known, track[known])
    return drawn


def best_places(
    probability: NDArray[np.floating], middle: NDArray[np.int64], costs: PlaceCosts | None = None
) -> Array:
    """The cheapest path of each voice through places and silence (A. J. Viterbi, 1967).

    Args:
        probability: ``(voices, OFFSETS + 1, frames)`` logarithms; the last is silence.
        middle: ``(voices, frames)`` F0 bin of the middle place.

    Returns:
        ``(voices, frames)`` semitones, refined below a bin; NaN = silent.
    """
    _, states, frames = probability.shape
    costs = costs or PlaceCosts()
    gained = np.array(probability, dtype=np.float32)
    gained[:, -1] -= costs.silence
    steps = _steps(costs)
    furthest = len(steps) // 2
    every = np.arange(states, dtype=np.int8)

    def advance(at: NDArray[np.int64], before: Survivors | None) -> Survivors:
        own = gained[..., at].transpose(2, 0, 1)  # (chunks, voices, states)
        names = np.broadcast_to(every, own.shape)
        if before is None:
            return Survivors(names, -own, np.zeros(own.shape, np.int8))
        moved = (middle[:, at] - middle[:, at - 1]).clip(-furthest, furthest).T
        reached = before.costs[..., None] + steps[moved + furthest]
        back = reached.argmin(axis=-2)
        least = np.take_along_axis(reached, back[..., None, :], axis=-2)[..., 0, :] - own
        return Survivors(names, least - least.min(axis=-1, keepdims=True), back.astype(np.int8))

    path = survivors_of_frames(frames, advance).path().T.astype(np.int64)
    # Near its top the logarithm of the probability is a parabola, as its training target is a Gaussian.
    place = path.clip(1, OFFSETS - 2)[:, None]
    below, at, above = (np.take_along_axis(probability, place + k, axis=1)[:, 0] for k in (-1, 0, 1))
    curvature = np.minimum(below - 2 * at + above, -1e-6)
    vertex = np.clip(0.5 * (below - above) / curvature, -0.5, 0.5)
    vertex = np.where((path > 0) & (path < OFFSETS - 1), vertex, 0.0)
    position = np.asarray(middle + path - REACH + vertex, dtype=np.float64)
    return np.where(path < OFFSETS, pitch_of_bins(position), np.nan)


def _steps(costs: PlaceCosts) -> NDArray[np.float32]:
    """What each step costs: by how many bins the middle moves, from as far down as matters to as far up; the
    place before, the place after; silence last."""
    bin_costs = costs.glide * 12 / BINS_PER_OCTAVE
    furthest = 2 * REACH + (int(np.ceil(costs.leap / bin_costs)) if bin_costs else 0)
    apart = np.arange(OFFSETS) - np.arange(OFFSETS)[:, None]
    moved = np.abs(apart + np.arange(-furthest, furthest + 1)[:, None, None])
    steps = np.pad(np.minimum(bin_costs * moved, costs.leap), ((0, 0), (0, 1), (0, 1)))
    steps[:, -1, :-1], steps[:, :-1, -1] = costs.enter, costs.leave
    return np.asarray(steps, dtype=np.float32)


def kept_beyond(first: Array, refined: Array) -> Array:
    """The first pitch where it lies beyond what the refiner was taught, else the refined one.

    There its short windows do not resolve the partials, and it hears silence in glides: lone synthetic voices
    of 41 to 55 Hz were within 50 cents in .958 of their frames before the refinement, in .936 after it.

    Args:
        first, refined: ``(voices, frames)`` semitones, NaN = silent.
    """
    low, high = pitch_of_bins(np.array([BELOW, TAUGHT - 1.0]))
    return np.where((first < low) | (first > high), first, refined)  # NaN compares as false


class F0Refinement:
    """Looks again at tracks of whole recordings.

    Args:
        model: weights of the refiner; the shipped ones by default.
        device: a device of torch.

    Raises:
        ModelError: the weights cannot be used.
    """

    def __init__(self, model: Path | str | None = None, *, device: str | torch.device = "cpu") -> None:
        stored = load_model(model or shipped_model("refiner"), "refiner")
        self.device = torch.device(device)
        self.network = restore_refiner(stored).to(self.device)
        self.stacks = BothStacks().to(self.device)

    @torch.inference_mode()
    def probability(
        self, audio: NDArray[np.float32], salience: NDArray[np.uint8], pitch: Array
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Logarithm of the probability of each place around each track, in chunks of about 20 s.

        Args:
            audio: ``(samples,)`` mono at 16 kHz.
            salience: ``(BINS, frames)``, 0 to 255.
            pitch: ``(voices, frames)`` semitones, NaN = silent.

        Returns:
            ``(voices, OFFSETS + 1, frames)``, silence last, and the F0 bins ``(voices, frames)`` of the
            middle place.
        """
        frames = pitch.shape[1]
        bins = bins_of_tracks(continued(pitch)).to(self.device)
        voiced = torch.from_numpy(np.isfinite(pitch)).to(self.device)

        def look(span: tuple[int, int]) -> NDArray[np.float32]:
            first, last = span
            begin = max(first - CONTEXT, 0)
            piece = np.ascontiguousarray(audio[begin * HOP : (last + CONTEXT) * HOP])
            signal = torch.from_numpy(piece).to(self.device)[None]
            low, high = max(first - SEEN, 0), min(last + SEEN, frames)
            stack = self.stacks(signal, slice(low - begin, high - begin))[0]
            heard = torch.from_numpy(salience[:, low:high]).to(self.device).float() / 255
            view = refiner_features(stack, heard, bins[:, low:high], voiced[:, low:high])
            with fast_convolutions(self.device):
                logits = self.network(laid_out(view))
            logits = logits[..., first - low : last - low].float()
            return np.asarray(torch.log_softmax(logits, dim=1).cpu().numpy())

        parts = worked_in_spans(pieces(frames, CHUNK), look, CONTEXT, self.device)
        return np.concatenate(list(parts), axis=-1), bins.round().long().cpu().numpy()
