"""A file written beside its target is there as a whole, or not at all."""

from pathlib import Path

import pytest

from vocsep.media.staging import all_written_beside, folders_made, scratch_beside, written_beside


def test_the_target_appears_when_the_block_ends_and_nothing_else_stays(tmp_path: Path) -> None:
    target = tmp_path / "scores.CSV"
    target.write_text("before")
    with written_beside(target) as staged:
        staged.write_text("after")
        assert staged.parent == tmp_path and staged.suffix == ".csv" and staged.name.startswith(".")
        assert target.read_text() == "before"
    assert target.read_text() == "after"
    assert list(tmp_path.iterdir()) == [target]


def test_a_block_that_fails_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("before")
    with pytest.raises(KeyboardInterrupt), written_beside(target) as staged:
        staged.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_the_longest_names_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / f"{'n' * 246}.csv"
    with written_beside(target) as staged:
        staged.write_text("whole")
    assert target.read_text() == "whole"


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    target = tmp_path / "none" / "a.csv"
    with pytest.raises(FileNotFoundError), written_beside(target) as staged:
        staged.write_text("never")


def test_of_several_targets_none_is_replaced_before_all_are_written(tmp_path: Path) -> None:
    targets = [tmp_path / "a.wav", tmp_path / "b.wav"]
    targets[0].write_text("before")
    with all_written_beside(targets) as staged:
        staged[0].write_text("a")
        staged[1].write_text("b")
        assert targets[0].read_text() == "before" and not targets[1].exists()
    assert [target.read_text() for target in targets] == ["a", "b"]
    with pytest.raises(OSError), all_written_beside(targets) as staged:
        staged[0].write_text("new")  # and the other one is never written
        raise OSError("full")
    assert [target.read_text() for target in targets] == ["a", "b"]
    assert sorted(tmp_path.iterdir()) == targets


def test_scratch_files_are_gone_at_the_end(tmp_path: Path) -> None:
    with scratch_beside([tmp_path / "a.wav", tmp_path / "b.wav"]) as (first, second):
        first.write_text("kept for a while")
        assert first != second and not second.exists()
    assert list(tmp_path.iterdir()) == []


def test_folders_that_stay_empty_are_removed_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    used, empty, old = (tmp_path / "new" / "used", tmp_path / "new" / "empty" / "deep", tmp_path / "old")
    with folders_made([used / "a", empty / "b", old / "c"]):
        assert used.is_dir() and empty.is_dir()
        (used / "a").write_text("here")
    assert (used / "a").read_text() == "here" and old.is_dir()
    assert not (tmp_path / "new" / "empty").exists()
