"""Train the networks that tell two singers apart: `python -m benchmarks.learn_duets OUT.safetensors`.

Synthetic duets of 12 s (`vocsep.singers.meetings`: crossing, duet, unison, octaves), every other one in a
room, are estimated with the shipped models up to the lines that are to be named; a stretch's true sign is the
one with which the lines fit the F0 sung. Each network learns that every way in which a run of stretches is
turned over is less likely than the truth. --heard keeps what was heard in a folder, so that another training
begins at once.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad, softplus

from benchmarks.options import new_parser, run
from vocsep.model import save_model
from vocsep.pitch.comb_levels import fitted_levels
from vocsep.pitch.duet_network import DuetEnsemble, DuetNetwork, DuetSettings, DuetView
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.intonation import cents_apart
from vocsep.pitch.naming import heard_duet
from vocsep.singers.meetings import Meeting, sing_meeting

KINDS: tuple[Meeting, ...] = ("crossing", "duet", "unison", "octaves")
SECONDS, NEAR = 12.0, 40.0  # of a duet, and cents within which a line is sung
BATCH, RATE, DECAY = 6, 2e-3, 0.1  # duets; learning rate and weight decay of Adam
RUNS = 0.02  # weight of the likelihood of the truth among all runs turned over

Array = NDArray[np.float64]
Heard = dict[str, Array]


@dataclass(frozen=True)
class Lesson:
    """A duet: its view, the true sign of each stretch, 0 where nobody knows, and its frames sung."""

    view: DuetView
    signs: Tensor
    frames: Tensor


def listen(estimator: PitchEstimator, kind: Meeting, seed: int) -> Heard:
    """Lines of a duet that are not named yet, their levels, and the F0 in Hz, NaN where silent."""
    song = sing_meeting(seed, SECONDS, kind, room=bool((seed + KINDS.index(kind)) % 2))
    heard: list[tuple[Array, Array]] = []

    def listening(_: NDArray[np.float32], pitch: Array, exchange: Array) -> Array:
        heard.append((pitch, exchange))
        return pitch

    with patch("vocsep.pitch.identity.name_voices", listening):
        estimator.estimate(song.mixture, 2)
    frames = min(heard[0][0].shape[1], song.f0.shape[1])
    pitch, exchange = (row[..., :frames] for row in heard[0])
    levels, sure = fitted_levels(song.mixture, pitch)
    truth = np.where(song.f0 > 0, song.f0, np.nan)[:, :frames]
    return {"pitch": pitch, "exchange": exchange, "levels": levels, "sure": sure, "truth": truth}


def lesson(heard: Heard) -> Lesson:
    """What is learned of a duet."""
    lines, truth = 440.0 * 2 ** ((heard["pitch"] - 69) / 12), heard["truth"]
    edges, view = heard_duet(heard["pitch"], heard["levels"], heard["sure"], heard["exchange"])
    near = [np.abs(np.nan_to_num(cents_apart(truth, one), nan=1e9)) <= NEAR for one in (lines, lines[::-1])]
    kept, changed = (one.sum(axis=0) for one in near)
    signs, frames = [], []
    for first, last in pairwise(edges.tolist()):
        gained = int((kept[first:last] - changed[first:last]).sum())
        signs.append(np.sign(gained) if abs(gained) >= 0.5 * (last - first) else 0)
        frames.append(np.isfinite(lines[:, first:last]).sum())
    return Lesson(view, torch.tensor(signs), torch.tensor(frames, dtype=torch.float32))


def lessons(seeds: range, folder: Path | None) -> Iterator[Lesson]:
    """All duets, those that lie in the folder as they are there."""
    estimator = PitchEstimator()
    for seed in seeds:
        for kind in KINDS:
            kept = folder / f"{kind}_{seed}.npz" if folder else None
            if kept is None or not kept.is_file():
                heard = listen(estimator, kind, seed)
                if kept is not None:
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    np.savez(kept, **heard)
            else:
                with np.load(kept) as stored:
                    heard = {name: stored[name].astype(np.float64) for name in stored.files}
            yield lesson(heard)


def without_gaps(signs: Tensor) -> Tensor:
    """Signs where those that nobody knows are the last known one."""
    known = signs.nonzero()[:, 0]
    if not len(known):
        return torch.ones(len(signs))
    at = torch.searchsorted(known, torch.arange(len(signs)), right=True) - 1
    return signs[known[at.clamp_min(0)]].float()


def loss(network: DuetNetwork, duet: Lesson) -> Tensor:
    """Of all runs of stretches that may be turned over: logistic loss, weighted by the frames that would be
    wrong; and these frames as expected, if truth and runs are all there is."""
    alike, keep = network(duet.view)
    signs, count = without_gaps(duet.signs), len(duet.signs)
    agreed = pad((alike * signs[:, None] * signs).cumsum(dim=0).cumsum(dim=1), (1, 0, 1, 0))
    first, last = torch.triu_indices(count + 1, count + 1, 1)
    inside = agreed[last, last] - 2 * agreed[first, last] + agreed[first, first]
    outside = agreed[last, count] - agreed[first, count] - inside
    border = pad(keep[1:] * signs[1:] * signs[:-1], (1, 1))
    gain = -2 * outside - border[first] - border[last]
    frames = pad((duet.frames * (duet.signs != 0)).cumsum(dim=0), (1, 0))
    wrong = frames[last] - frames[first]
    wrong = torch.minimum(wrong, frames[-1] - wrong) / frames[-1].clamp_min(1)
    gain, wrong = gain[wrong > 0], wrong[wrong > 0]
    if not len(gain):
        return alike.sum() * 0
    among = pad(gain, (1, 0))
    expected = (torch.softmax(among, dim=0)[1:] * wrong).sum()
    return (softplus(gain) * wrong).sum() / wrong.sum() + RUNS * torch.logsumexp(among, dim=0) + expected


def train(duets: list[Lesson], epochs: int, seed: int) -> DuetNetwork:
    """Adam with decoupled weight decay, one cycle of the learning rate."""
    torch.manual_seed(seed)
    network, rng = DuetNetwork(), np.random.default_rng(seed)
    batches = -(-len(duets) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=epochs * batches + 1)
    for epoch in range(1, epochs + 1):
        total = 0.0
        for batch in np.array_split(rng.permutation(len(duets)), batches):
            mean = torch.stack([loss(network, duets[index]) for index in batch]).mean()
            optimiser.zero_grad()
            mean.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(mean.detach()) * len(batch)
        print(f"epoch {epoch}: loss {total / len(duets):.4f}", flush=True)
    return network.eval()


def benchmark(options: argparse.Namespace) -> None:
    """Sing, listen, learn, and write the model."""
    first, last = options.seeds
    duets = list(lessons(range(first, last + 1), options.heard))
    ensemble = DuetEnsemble(DuetSettings(members=options.members))
    for number, member in enumerate(ensemble.members):
        member.load_state_dict(train(duets, options.epochs, options.seed + number).state_dict())
    card = {
        "data": f"synthetic singing only: {len(duets)} duets of {SECONDS:g} s, seeds {first} to {last}",
        "epochs": options.epochs,
        "members": options.members,
        "seed": options.seed,
    }
    settings = ensemble.settings.to_dict()
    save_model(options.output, ensemble.state_dict(), kind="duets", settings=settings, card=card)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("learn_duets", __doc__)
    parser.add_argument("output", type=Path, metavar="OUT", help="the model, a safetensors file")
    parser.add_argument("--seeds", nargs=2, type=int, default=(2001, 2120), metavar=("FIRST", "LAST"))
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="default: 20")
    parser.add_argument("--members", type=int, default=6, metavar="N", help="networks (default: 6)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of weights and batches of the first network"
    )
    parser.add_argument("--heard", type=Path, metavar="DIR", help="keep what was heard there")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
