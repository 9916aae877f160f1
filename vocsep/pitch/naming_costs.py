"""What it costs a voice to be on a track: range, timbre and continuity (see `vocsep.pitch.naming`)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.stretches import Stretches

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NamingCosts:
    """Costs in nats, measured on synthetic duets.

    Attributes:
        spread: semitones, deviation of a voice around its centre while voices are sought. usual: the
            same, where it is asked how well they explain the recording. strange: most that range costs, in
            squares.
        independent: frames of a track that count as one observation of range; of timbre: `heard`.
        line: a voice leaves a track that goes on. met: the same where both tracks touch.
        interval: a semitone between the notes of a voice, up to ``leap`` nats; halved in each `fade` s
            of rest.
        refuted: by how much another order must explain better than that of height.
        prior: observations of the mean of all voices that each voice's timbre begins with.
    """

    spread: float = 8.0
    usual: float = 5.0
    strange: float = 9.0
    independent: float = 25.0
    heard: float = 30.0
    line: float = 6.0
    met: float = 0.5
    interval: float = 0.15
    leap: float = 2.0
    fade: float = 1.0
    refuted: float = 6.0
    prior: float = 2.0


def change_costs(stretches: Stretches, costs: NamingCosts, seconds: Array) -> Array:
    """Cost for a voice to be on one track before a cut and on another after it.

    Args:
        stretches: of the tracks. costs: as above.
        seconds: ``(stretches,)`` length of each.

    Returns:
        ``(stretches, tracks before, tracks after)``; 0 for the first stretch.
    """
    count, tracks = stretches.frames.shape
    result = np.zeros((count, tracks, tracks))
    last, silent = np.full(tracks, np.nan), np.zeros(tracks)  # last pitch of each track, and s since then
    for index in range(count):
        if index:
            far = np.abs(last[:, None] - stretches.begins[index][None, :])
            weight = costs.interval * 0.5 ** (silent / costs.fade)
            result[index] = np.nan_to_num(np.minimum(weight[:, None] * far, costs.leap))
            goes_on = stretches.through[index]
            other = ~np.eye(tracks, dtype=np.bool_)
            touching = stretches.meets[index]
            breaks = other & (goes_on[:, None] | goes_on[None, :])
            result[index] += np.where(breaks, np.where(touching, costs.met, costs.line), 0.0)
        sung = stretches.frames[index] > 0
        last = np.where(sung, stretches.ends[index], last)
        silent = np.where(sung, 0.0, silent + seconds[index])
    return result


@dataclass(frozen=True)
class VoiceModels:
    """``centre`` ``(voices,)`` in semitones and ``timbre`` ``(voices, dimensions)``."""

    centre: Array
    timbre: Array


def learned(
    stretches: Stretches, timbre: Array, given: NDArray[np.int64], costs: NamingCosts, weight: Array
) -> VoiceModels:
    """Models of voices from the tracks that they were given.

    Args:
        stretches: of the tracks. costs: as above.
        timbre: ``(stretches, tracks, dimensions)``, NaN where unknown.
        given: ``(stretches, voices)``, the track of each voice.
        weight: ``(stretches, tracks)``, how much each is looked at, 0 where it is silent.
    """
    rows = np.arange(len(given))[:, None]
    share = weight[rows, given]
    pitch = np.nan_to_num(stretches.mean)[rows, given]
    everybody = (weight * np.nan_to_num(stretches.mean)).sum() / max(weight.sum(), 1e-9)
    total = share.sum(axis=0)
    centre = ((share * pitch).sum(axis=0) + 1e-3 * everybody) / (total + 1e-3)
    known = np.asarray(np.isfinite(timbre).all(axis=-1))
    heard = known[rows, given] * share / costs.heard
    mean = (heard[..., None] * np.nan_to_num(timbre)[rows, given]).sum(axis=0)
    return VoiceModels(centre, mean / (heard.sum(axis=0) + costs.prior)[:, None])


def place_costs(
    stretches: Stretches, timbre: Array, models: VoiceModels, costs: NamingCosts
) -> tuple[Array, Array]:
    """Cost of range and of timbre of each track for each voice, ``(stretches, voices, tracks)`` each."""
    away = (stretches.mean[:, None, :] - models.centre[None, :, None]) / costs.spread
    range_cost = 0.5 * np.minimum(np.nan_to_num(away) ** 2, costs.strange)
    range_cost *= (stretches.frames / costs.independent)[:, None, :]
    unlike = ((timbre[:, None] - models.timbre[None, :, None]) ** 2).sum(axis=-1)
    timbre_cost = 0.5 * np.nan_to_num(unlike) * (stretches.frames / costs.heard)[:, None, :]
    return range_cost, timbre_cost
