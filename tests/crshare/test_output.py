"""Results are written whole or not at all."""

from pathlib import Path

import pytest

from crshare.errors import OutputError
from crshare.output import replacing, write_text


def test_folders_are_made_and_a_file_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b.txt"
    write_text(target, "one")
    write_text(target, "two")
    assert target.read_text() == "two"
    assert [path.name for path in target.parent.iterdir()] == ["b.txt"]


def test_an_error_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "b.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(target) as draft:
        draft.write_text("half")
        _ = 1 / 0
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "b.txt"
    target.write_text("old")
    with pytest.raises(OutputError) as error, replacing(target) as draft:
        draft.write_text("half")
        raise OSError(28, "No space left on device")
    assert str(error.value) == (
        f"{target}: cannot be written (No space left on device); choose another place"
    )
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_in_the_way_of_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot be written \(.+\); choose another place$"):
        write_text(tmp_path / "file" / "b.txt", "text")
