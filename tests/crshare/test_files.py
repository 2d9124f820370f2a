"""Results are written whole or not at all."""

import os
from pathlib import Path

import pytest

from crshare.errors import OutputError, PlanError
from crshare.files import read_file_bytes, replacing, write_text


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


REFUSALS = {
    "missing": "no such file; give a plan",
    "folder": "is no regular file; give a plan",
    "pipe": "is no regular file; give a plan",
    "large": "is larger than 8 bytes; give a plan",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_no_file_of_that_size_is_refused_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(bytes(9))
    with pytest.raises(PlanError) as error:
        read_file_bytes(tmp_path / name, PlanError, "give a plan", at_most=8)
    assert str(error.value) == f"{tmp_path / name}: {REFUSALS[name]}"


def test_a_regular_file_is_read_through_links(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345678")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_file_bytes(tmp_path / "link", PlanError, "", at_most=8) == b"12345678"
