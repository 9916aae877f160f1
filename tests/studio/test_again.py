"""Passages that are separated again: what they change, what they leave alone, and that all adds up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from vocsep.evaluation.si_sdr import si_sdr
from vocsep.pitch.tracks import F0Tracks
from vocsep.studio.again import splice
from vocsep.studio.edits import Edit
from vocsep.studio.passages import CONTEXT, FADE, GRID, MARGIN, Passage, plan_passages
from vocsep.studio.project import Project
from vocsep.studio.tasks import Tasks

from .conftest import SETTINGS

Run = Callable[..., dict[str, Any]]


def stems_of(project: Project) -> np.ndarray:
    return np.stack([soundfile.read(stem, dtype="float32")[0] for stem in project.stems])


def test_stems_add_up_and_change_only_where_pitches_did(project: Project, run: Run) -> None:
    mixture, rate = soundfile.read(project.recording, dtype="float32")
    before = stems_of(project)
    changed = project.edit(Edit("shift", 1, 5.0, 6.0, cents=1200.0))
    assert project.dirty == [changed] and 4.9 < changed[0] < changed[1] < 6.1
    run(project, "again")
    after = stems_of(project)
    np.testing.assert_allclose(after.sum(axis=0), mixture, atol=2e-6)
    low, high = (round(t * rate) for t in (changed[0] - MARGIN - FADE, changed[1] + MARGIN + FADE))
    np.testing.assert_array_equal(after[:, :low], before[:, :low])
    np.testing.assert_array_equal(after[:, high:], before[:, high:])
    inside = slice(round(5.2 * rate), round(5.8 * rate))
    assert np.abs(after - before)[:, inside].max() > 0.01
    # Nothing jumps: where the fade begins the stems are nearly the old ones.
    assert np.abs(after - before)[:, low : low + 20].max() < 1e-2
    assert project.dirty == []
    project.step(-1)
    assert project.dirty == [changed]


def test_a_passage_sounds_as_if_the_whole_recording_had_been_separated(
    project: Project, run: Run, tasks: Tasks
) -> None:
    edits = [Edit("shift", 0, 4.0, 7.0, cents=-1200.0), Edit("erase", 1, 4.5, 5.0)]
    for edit in edits:
        project.edit(edit)
    run(project, "again")
    mixture, rate = soundfile.read(project.recording, dtype="float32")
    whole = tasks._models(SETTINGS).separate(mixture, rate, tracks=project.tracks)
    inside = slice(round(4.5 * rate), round(6.5 * rate))
    likeness = [
        float(si_sdr(full, part))
        for full, part in zip(whole.stems[:, inside], stems_of(project)[:, inside], strict=True)
    ]
    assert min(likeness) > 20.0, likeness


def test_the_right_octave_brings_back_what_the_wrong_one_cost(
    project: Project, run: Run, duet: tuple[np.ndarray, int, F0Tracks]
) -> None:
    """By hand, an octave that is wrong from 4 to 8 s is put right: as good as if it had never been wrong."""
    truth, rate, _ = duet
    inside = slice(4 * rate, 8 * rate)

    def scores() -> np.ndarray:
        return np.array(
            [si_sdr(*pair) for pair in zip(truth[:, inside], stems_of(project)[:, inside], strict=True)]
        )

    right = scores()
    project.edit(Edit("shift", 0, 4.0, 8.0, cents=1200.0))
    run(project, "again")
    wrong = scores()
    project.edit(Edit("shift", 0, 4.0, 8.0, cents=-1200.0))
    run(project, "again")
    assert (wrong < right - 3).any()
    np.testing.assert_allclose(scores(), right, atol=0.5)


def test_a_passage_that_is_named_is_separated_whether_or_not_anything_changed(
    project: Project, run: Run
) -> None:
    before = stems_of(project)
    run(project, "again", span=[5.0, 6.0])
    after, rate = stems_of(project), project.info.sample_rate
    assert not np.array_equal(before, after)
    assert float(si_sdr(before[0, 5 * rate : 6 * rate], after[0, 5 * rate : 6 * rate])) > 20.0
    assert project.file.stems_revision == 2 and project.dirty == []


def test_fades_are_between_what_was_and_what_is_and_there_are_none_at_the_ends(tmp_path: Path) -> None:
    """Old stems are 0 and 1, new ones 1 and 0, in blocks of any length: the sum is 1 everywhere."""
    rate, seconds = 1000, 10.0
    stems = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for value, stem in enumerate(stems):
        soundfile.write(stem, np.full((10_000, 2), value, np.float32), rate, subtype="FLOAT")
    new = np.stack([np.ones((10_000, 2), np.float32), np.zeros((10_000, 2), np.float32)])
    passages = plan_passages([(0.5, 1.0), (4.0, 5.0), (9.0, 9.9)], seconds)
    pieces = [
        [
            (at, new[:, at : min(at + 700, round(p.end * rate))])
            for at in range(p.begin * rate, round(p.end * rate), 700)
        ]
        for p in passages
    ]
    splice(stems, list(zip(passages, pieces, strict=True)))
    a, b = (soundfile.read(stem, dtype="float64")[0][:, 1] for stem in stems)
    np.testing.assert_allclose(a + b, 1.0, atol=1e-6)
    fade, margin = round(FADE * rate), round(MARGIN * rate)
    assert (a[: 1000 + margin] == 1).all() and (a[9000 - margin :] == 1).all()
    assert (a[1000 + margin + fade : 4000 - margin - fade] == 0).all()
    rising = a[4000 - margin - fade : 4000 - margin]
    np.testing.assert_allclose(rising, (np.arange(fade) + 0.5) / fade, atol=1e-6)
    assert (a[4000 - margin : 5000 + margin] == 1).all()
    assert soundfile.SoundFile(stems[0]).comment.startswith("separated by vocsep")


def test_silence_stays_silent(project: Project, run: Run) -> None:
    audio, rate = soundfile.read(project.recording, dtype="float32")
    audio[: 8 * rate] = 0.0
    soundfile.write(project.recording, audio, rate, subtype="FLOAT")
    for stem in project.stems:
        soundfile.write(stem, np.zeros_like(audio), rate, subtype="FLOAT")
    project.edit(Edit("draw", 0, 2.0, 3.0, points=((2.0, 300.0), (3.0, 300.0))))
    run(project, "again")
    assert not stems_of(project)[:, : 8 * rate].any()


@pytest.mark.parametrize("seconds", [3.0, 11.9, 600.0])
def test_passages_have_context_lie_on_the_grid_and_are_heard_once(seconds: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        bounds = np.sort(rng.uniform(0, seconds, 2 * int(rng.integers(1, 9))))
        changed = [(float(a), float(b)) for a, b in bounds.reshape(-1, 2)]
        passages = plan_passages(changed, seconds)
        last = 0.0
        for passage in passages:
            assert passage.begin % GRID == 0 and passage.begin <= max(passage.first - CONTEXT, 0)
            assert passage.end >= min(passage.last + CONTEXT, seconds) and passage.end <= seconds
            assert last <= passage.first < passage.last
            last = passage.last
        for start, end in changed:
            assert any(
                p.first <= max(start - MARGIN, 0) and min(end + MARGIN, seconds) <= p.last for p in passages
            )


def test_a_passage_in_the_middle() -> None:
    assert plan_passages([(5.0, 6.0)], 20.0) == [Passage(2, 10.0, 4.25, 6.75)]
