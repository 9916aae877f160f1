"""Voices alone sung over mixtures: everything stays in its place and adds up."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import torch

from vocsep.spectra import HOP, frame_count
from vocsep.training.accompaniment import LEVELS, accompanied, sung_over
from vocsep.training.excerpts import Excerpts

SAMPLES = 20 * HOP
FRAMES = frame_count(SAMPLES)


def alone(batch: int = 3, seed: int = 0) -> Excerpts:
    audio = torch.rand(batch, SAMPLES, generator=torch.Generator().manual_seed(seed)) - 0.5
    audio = audio / audio.abs().amax(1, keepdim=True)
    f0 = torch.full((batch, 1, FRAMES), 500.0)
    return Excerpts(audio, f0, audio[:, None].clone(), torch.ones(batch, 1, dtype=torch.bool), ("soprano",))


def pair(batch: int = 3, stems: bool = False) -> Excerpts:
    voices = torch.rand(batch, 2, SAMPLES, generator=torch.Generator().manual_seed(9)) - 0.5
    voices = voices / voices.sum(1).abs().amax(1)[:, None, None]
    f0 = torch.tensor([300.0, 200.0])[None, :, None].expand(batch, 2, FRAMES)
    if not stems:
        return Excerpts(voices.sum(1), f0)
    given = torch.tensor([[False, True]]).expand(batch, 2)
    return Excerpts(voices.sum(1), f0, voices * given[..., None], given, (None, "bass"))


def test_the_voice_is_as_loud_as_wanted_beside_the_mixture() -> None:
    level = torch.tensor([-20.0, -6.0, 0.0])
    sung = sung_over(alone(), pair(), level)
    assert sung.sources is not None
    voice = sung.sources[:, 0]
    rest = sung.mixture - voice
    measured = 10 * torch.log10(voice.square().mean(1) / rest.square().mean(1))
    torch.testing.assert_close(measured, level, atol=1e-3, rtol=0)
    torch.testing.assert_close(sung.mixture.abs().amax(1), torch.ones(3))
    # what is left is the mixture, softer or louder as a whole
    shape = rest / rest.norm(dim=1, keepdim=True)
    torch.testing.assert_close(
        shape, pair().mixture / pair().mixture.norm(dim=1, keepdim=True), atol=1e-5, rtol=0
    )


def test_f0_stems_and_names_stand_beside_each_other() -> None:
    sung = sung_over(alone(), pair(), torch.zeros(3))
    assert sung.f0[0, :, 3].tolist() == [500.0, 300.0, 200.0]
    assert sung.given is not None and sung.given.tolist() == [[True, False, False]] * 3
    assert sung.names == ("soprano", None, None) and not sung.alone


def test_each_voice_stays_in_the_room_of_its_recording() -> None:
    solo = replace(alone(), recordings=torch.tensor([[7], [8], [7]]))
    mixtures = replace(pair(), recordings=torch.tensor([[1, 1], [2, 2], [3, 3]]))
    recordings = sung_over(solo, mixtures, torch.zeros(3)).recordings
    assert recordings is not None and recordings.tolist() == [[7, 1, 1], [8, 2, 2], [7, 3, 3]]
    assert sung_over(alone(), mixtures, torch.zeros(3)).recordings is None


def test_stems_of_the_mixture_stay_what_they_are() -> None:
    sung, below = sung_over(alone(), pair(stems=True), torch.zeros(3)), pair(stems=True)
    assert sung.given is not None and sung.given.tolist() == [[True, False, True]] * 3
    assert sung.names == ("soprano", None, "bass")
    assert sung.sources is not None and below.sources is not None
    ratio = sung.sources[:, 2].norm(dim=1) / below.sources[:, 1].norm(dim=1)
    rest = sung.mixture - sung.sources[:, 0]
    torch.testing.assert_close(ratio, rest.norm(dim=1) / below.mixture.norm(dim=1), rtol=1e-4, atol=0)
    assert sung.sources[:, 1].abs().max() == 0


def supply(generator: torch.Generator) -> Iterator[Excerpts]:
    for number in itertools.count():
        torch.rand((), generator=generator)
        yield alone(seed=number) if number % 2 else pair()


def drawn(seed: int, count: int) -> list[Excerpts]:
    generator = torch.Generator().manual_seed(seed)
    stream = accompanied(supply(generator), itertools.repeat(pair()), generator)
    return list(itertools.islice(stream, count))


def test_voices_alone_are_sung_over_mixtures_and_mixtures_stay() -> None:
    assert [excerpts.f0.shape[1] for excerpts in drawn(0, 10)] == [2, 3] * 5


def test_levels_differ_within_their_bounds_and_the_seed_decides() -> None:
    levels = []
    for excerpts in drawn(1, 40):
        if excerpts.sources is not None:
            voice = excerpts.sources[:, 0]
            rest = (excerpts.mixture - voice).square().mean(1)
            levels += (10 * torch.log10(voice.square().mean(1) / rest)).tolist()
    assert LEVELS[0] - 0.01 < min(levels) < max(levels) < LEVELS[1] + 0.01
    assert max(levels) - min(levels) > 6
    for one, other in zip(drawn(1, 20), drawn(1, 20), strict=True):
        assert torch.equal(one.mixture, other.mixture)
