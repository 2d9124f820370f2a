"""Only files that crshare wrote, and nobody has changed since, are replaced; all else stays."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crshare.errors import OutputError
from crshare.hardware.manifest import MANIFEST, listed, replace_files

FIRST = {"a.v": "1", "b.v": "2", "files.f": "a.v\nb.v\n"}
SECOND = {"b.v": "3", "c.v": "4", "files.f": "b.v\nc.v\n"}


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder but the manifest, with its content."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    found = {str(path.relative_to(folder)): path.read_text() for path in files}
    return {name: text for name, text in found.items() if name != MANIFEST}


def refusal(folder: Path, files: dict[str, str]) -> str:
    """What is said, where nothing is changed."""
    before = contents(folder)
    with pytest.raises(OutputError) as error:
        replace_files(folder, files)
    assert contents(folder) == before
    return str(error.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    replace_files(tmp_path / "rtl", FIRST)
    return tmp_path / "rtl"


def test_files_of_ours_are_replaced_or_removed_and_those_of_the_user_stay(folder: Path) -> None:
    (folder / "pins.xdc").write_text("constraints")
    (folder / "sim").mkdir()
    (folder / "sim" / "bench.v").write_text("mine")
    assert replace_files(folder, SECOND) == 4
    mine = {"pins.xdc": "constraints", "sim/bench.v": "mine"}
    assert contents(folder) == {**SECOND, **mine}
    assert listed(folder).keys() == SECOND.keys()


def test_the_same_files_give_the_same_manifest(folder: Path) -> None:
    before = (folder / MANIFEST).read_bytes()
    replace_files(folder, FIRST)
    assert (folder / MANIFEST).read_bytes() == before


@pytest.mark.parametrize("name", FIRST)
def test_a_file_that_was_changed_is_not_replaced(folder: Path, name: str) -> None:
    (folder / name).write_text("changed")
    assert refusal(folder, SECOND) == (
        f"{folder / name}: was changed since crshare wrote it; move it away or choose another place"
    )


def test_a_file_that_the_user_removed_is_not_missed(folder: Path) -> None:
    (folder / "a.v").unlink()
    replace_files(folder, SECOND)
    assert contents(folder) == SECOND


def test_a_file_of_the_users_in_the_way_stays(folder: Path) -> None:
    (folder / "c.v").write_text("mine")
    assert refusal(folder, SECOND) == (
        f"{folder / 'c.v'}: is in the way, and no file that crshare wrote; move it away or choose "
        "another place"
    )


def test_a_link_is_neither_followed_nor_replaced(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.v"
    outside.write_text("1")
    (folder / "a.v").unlink()
    (folder / "a.v").symlink_to(outside)
    assert "a.v: was changed since crshare wrote it" in refusal(folder, SECOND)
    (folder / "a.v").unlink()
    (folder / "c.v").symlink_to("nowhere")
    assert "c.v: is in the way" in refusal(folder, SECOND)
    assert outside.read_text() == "1"


def test_a_pipe_in_place_of_a_file_does_not_block(folder: Path) -> None:
    (folder / "a.v").unlink()
    os.mkfifo(folder / "a.v")
    assert "a.v: is no regular file; move it away" in refusal(folder, SECOND)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "files.f").write_text("src/top.v")
    assert refusal(tmp_path, FIRST) == (
        f"{tmp_path}: is not empty and holds no generated hardware; choose another place"
    )
    (tmp_path / "report.json").write_text("{}")
    assert refusal(tmp_path, FIRST) == (
        f"{tmp_path}: has no {MANIFEST}, which tells what crshare wrote and may replace; remove "
        "the folder, if an earlier crshare wrote it, or choose another place"
    )


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rtl").write_text("mine")
    with pytest.raises(OutputError, match="rtl: is no folder; choose another place"):
        replace_files(tmp_path / "rtl", FIRST)
    assert (tmp_path / "rtl").read_text() == "mine"


def test_a_folder_is_found_through_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    replace_files(tmp_path / "link", SECOND)
    assert (tmp_path / "link").is_symlink() and contents(folder) == SECOND


@pytest.mark.parametrize("last", range(5))
def test_a_run_that_is_killed_leaves_a_folder_that_the_next_one_knows(
    folder: Path, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine.txt").write_text("mine")
    replace, calls = Path.replace, iter(range(100))

    def killed(self: Path, target: Path) -> Path:
        if next(calls) == last:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        replace_files(folder, SECOND)
    monkeypatch.undo()
    for files in (FIRST, SECOND):
        replace_files(folder, files)
        assert contents(folder) == {**files, "mine.txt": "mine"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "crshare-files", "files": []}',
        '{"format": "crshare-files", "files": {"a.v": "1"}}',
        '{"format": "crshare-files", "files": {"a.v": [1]}}',
        '{"format": "crshare-files", "files": {"../a.v": []}}',
        '{"format": "crshare-files", "files": {"notes.txt": []}}',
        '{"format": "crshare-files", "files": {"a.v\\n": []}}',
        '{"format": "crshare-files", "files": {}, "files": {}}',
        "[" * 100_000,
    ],
)
def test_a_spoiled_manifest_is_one_sentence(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    said = refusal(folder, SECOND)
    assert said.startswith(f"{folder / MANIFEST}: ") and "\n" not in said
    assert said.endswith("; move it away or choose another place")


@given(place=st.integers(0, 300), byte=st.integers(0, 255))
def test_a_byte_changed_in_a_manifest_loses_no_file_that_it_does_not_list(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    folder = tmp_path_factory.mktemp("spoiled") / "rtl"
    replace_files(folder, FIRST)
    (folder / "d.v").write_text("mine")
    text = bytearray((folder / MANIFEST).read_bytes())
    text[place % len(text)] = byte
    (folder / MANIFEST).write_bytes(text)
    try:
        replace_files(folder, SECOND)
    except OutputError as error:
        assert "\n" not in str(error)
    assert (folder / "d.v").read_text() == "mine"


def test_hashes_are_of_the_bytes_that_lie_there(folder: Path) -> None:
    facts = json.loads((folder / MANIFEST).read_text())
    assert facts["files"]["a.v"] == [
        "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    ]
