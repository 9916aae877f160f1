"""A file written beside its target is there as a whole, or not at all."""

from pathlib import Path

import pytest

from vocsep.media.staging import written_beside


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
