"""Two processes learn what one would: the same losses at each step, one checkpoint, one who speaks."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from together import in_processes, learned, several_fits, tones, trained

from vocsep.errors import SettingsError
from vocsep.model import load_model
from vocsep.training.examples import Examples, rows_of
from vocsep.training.excerpts import Excerpts
from vocsep.training.processes import ALONE, joined

pytestmark = pytest.mark.skipif(os.name == "nt", reason="gloo on Windows is not supported here")
TOLERANCE = 1e-4  # of the losses


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together")
    tones(folder / "choir")
    return folder


@pytest.fixture(scope="module")
def alone(folder: Path) -> Any:
    """By one process, from beginning to end."""
    (folder / "alone").mkdir()
    return learned(str(folder / "choir"), str(folder / "alone" / "model"))


@pytest.fixture(scope="module")
def together(folder: Path, alone: Any) -> list[Any]:
    """By two processes: a whole fit, the rest of one that one process began, two that are stopped."""
    (folder / "two").mkdir()
    begun = learned(str(folder / "choir"), str(folder / "alone" / "begun"), stop="here")
    assert "stopped at step 3" in begun["stopped"]
    names = ("two/model", "alone/begun", "two/stopped", "two/hurried")
    return in_processes(2, several_fits, str(folder / "choir"), *(str(folder / name) for name in names))


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_model(path, "voices").tensors


def same_curve(one: Any, other: Any) -> None:
    assert [row[0] for row in one] == [row[0] for row in other]
    np.testing.assert_allclose(np.array(one), np.array(other), atol=TOLERANCE, equal_nan=True)


def test_the_losses_are_those_of_one_process(folder: Path, alone: Any, together: list[Any]) -> None:
    assert alone["curve"][-1][0] == 6 and alone["curve"][-1][2] < alone["curve"][0][2] - 0.01
    for answers in together:
        same_curve(answers["whole"]["curve"], alone["curve"])
    one, two = weights(folder / "alone" / "model"), weights(folder / "two" / "model")
    assert all(torch.allclose(one[name], two[name], atol=TOLERANCE) for name in one)


def test_train_does_as_fit_does(folder: Path, together: list[Any]) -> None:
    curve = trained(str(folder / "alone" / "pitch"))
    assert curve[-1][0] == 4 and len({row[2] for row in curve}) > 2  # something was learned
    for answers in together:
        same_curve(answers["trained"], curve)
    one, two = (load_model(folder / name, "pitch") for name in ("alone/pitch", "two/model-pitch"))
    for name, tensor in one.tensors.items():
        assert torch.allclose(tensor, two.tensors[name], atol=TOLERANCE)


def test_each_recording_is_heard_by_one_of_them(together: list[Any]) -> None:
    assert [answers["whole"]["heard"] for answers in together] == [2, 1]


def test_two_go_on_with_what_one_began(folder: Path, alone: Any, together: list[Any]) -> None:
    for answers in together:
        same_curve(answers["resumed"]["curve"], [row for row in alone["curve"] if row[0] > 3])
    one, two = weights(folder / "alone" / "model"), weights(folder / "alone" / "begun")
    assert all(torch.allclose(one[name], two[name], atol=TOLERANCE) for name in one)


def test_a_signal_to_one_stops_both_and_one_goes_on(folder: Path, alone: Any, together: list[Any]) -> None:
    said = [answers["stopped"]["stopped"] for answers in together]
    assert said[0].startswith("stopped at step 3 and saved")
    assert "torchrun --nproc-per-node 2 -m vocsep fit" in said[0] and said[1] == ""
    assert sorted(path.name for path in (folder / "two").glob("stopped*")) == [
        "stopped",
        "stopped.checkpoint",
    ]
    rest = learned(str(folder / "choir"), str(folder / "two" / "stopped"), resume=True)
    same_curve(rest["curve"], [row for row in alone["curve"] if row[0] > 3])


def test_signals_to_all_at_different_moments_stop_all_after_the_same_step(
    folder: Path, alone: Any, together: list[Any]
) -> None:
    # To the first after step 2, to the other after step 3, and to both while the checkpoint is written.
    said = [answers["hurried"]["stopped"] for answers in together]
    assert said[0].startswith("stopped at step 3 and saved") and said[1] == ""
    assert [answers["hurried"]["curve"][-1][0] for answers in together] == [3, 3]
    rest = learned(str(folder / "choir"), str(folder / "two" / "hurried"), resume=True)
    same_curve(rest["curve"], [row for row in alone["curve"] if row[0] > 3])


def test_a_batch_that_is_too_small_is_said_once_by_each(together: list[Any]) -> None:
    line = "batch: 1 examples cannot be shared by 2 processes"
    assert [answers["too_many"] for answers in together] == [
        f"SettingsError: {line}",
        f"SettingsError: process 1: {line}",
    ]


def test_an_error_of_one_process_names_it(together: list[Any]) -> None:
    assert [answers["alone"] for answers in together] == ["went well", "AudioError: process 1: disk: is full"]


def test_all_know_what_each_has_to_say(together: list[Any]) -> None:
    assert [answers["lines"] for answers in together] == [[[{"é": 0}, {"éé": 1}], [2.0, 5.0]]] * 2


def test_one_process_needs_no_others() -> None:
    with joined(torch.device("cpu"), {"WORLD_SIZE": "1", "RANK": "0"}) as processes:
        assert (processes.rank, processes.size, processes.leads) == (0, 1, True)
    assert ALONE.total([2.0]) == [2.0] and ALONE.gathered("a") == ["a"]
    assert ALONE.after_leader(lambda: 3) == 3
    assert ALONE.command(["fit", "x"]) == ["vocsep", "fit", "x"]


@pytest.mark.parametrize(("count", "size"), [(5, 2), (4, 4), (7, 3)])
def test_shares_cover_a_batch_and_weigh_as_much_as_it(count: int, size: int) -> None:
    shares = [rows_of(count, rank, size) for rank in range(size)]
    rows = [row for own, _ in shares for row in range(count)[own]]
    assert rows == list(range(count))
    values = np.arange(count) ** 2.0
    weighted = [weight * values[own].mean() for own, weight in shares]
    assert np.mean(weighted) == pytest.approx(values.mean())


def test_examples_are_shared_by_rows_or_by_groups() -> None:
    one = Examples(((torch.arange(5), torch.arange(5) * 2),))
    (own,), weight = one.share(1, 2)[0].groups, one.share(1, 2)[1]
    assert own[0].tolist() == [2, 3, 4] and own[1].tolist() == [4, 6, 8] and weight == pytest.approx(1.2)
    several = Examples(tuple((torch.full((2,), n),) for n in range(4)))
    assert [int(group[0][0]) for group in several.share(1, 2)[0].groups] == [2, 3]
    with pytest.raises(SettingsError, match="4 examples cannot be shared by 5"):
        several.share(0, 5)


def test_excerpts_are_shared_with_all_that_belongs_to_them() -> None:
    mixture, f0 = torch.arange(6.0)[:, None].expand(6, 4), torch.arange(6.0)[:, None, None].expand(6, 2, 3)
    given, recordings = torch.arange(12).reshape(6, 2) > 5, torch.arange(12).reshape(6, 2)
    batch = Excerpts(mixture, f0, f0.expand(6, 2, 3), given, ("a", "b"), recordings)
    own, weight = batch.share(2, 3)
    assert (len(own), weight, own.names) == (2, 1.0, ("a", "b"))
    for part, whole in (
        (own.mixture, batch.mixture),
        (own.f0, batch.f0),
        (own.sources, batch.sources),
        (own.given, batch.given),
        (own.recordings, batch.recordings),
    ):
        assert part is not None and whole is not None and torch.equal(part, whole[4:])


def test_every_group_that_was_left_is_kept_so_that_nobody_waits_for_its_threads(together: list[Any]) -> None:
    for answers in together:
        kept, met = answers["left"]
        assert kept == met > 5
