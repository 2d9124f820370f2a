"""Results are written whole or not at all."""

import ast
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from crshare.errors import OutputError, PlanError
from crshare.files import is_replaced, read_file_bytes, replacing, write_text
from tests.test_layers import MODULES


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


def test_a_link_stays_and_the_file_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "b.txt", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(Path("real") / "b.txt")
    write_text(link, "new")
    assert link.is_symlink() and target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("names", ["nothing", "itself"])
def test_a_link_that_leads_nowhere_is_one_sentence(tmp_path: Path, names: str) -> None:
    link = tmp_path / "itself"
    link.symlink_to(tmp_path / names)
    with pytest.raises(OutputError) as error:
        write_text(link, "text")
    assert str(error.value) == (
        f"{link}: is a symbolic link that leads to no file; remove it or choose another place"
    )
    assert link.is_symlink() and list(tmp_path.iterdir()) == [link]


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o755])
def test_permissions_are_kept(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "b.txt"
    target.write_text("old")
    target.chmod(mode)
    write_text(target, "new")
    assert stat.S_IMODE(target.stat().st_mode) == mode


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "b.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "b.txt").stat().st_mode) == 0o640


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(pipe, "text")
        assert os.read(reader, 99) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode) and not is_replaced(pipe)


def test_a_device_is_written_into_by_root_too(tmp_path: Path) -> None:
    device, link = tmp_path / "null", tmp_path / "link"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("this user may not make devices")
    link.symlink_to(device)
    for path in (device, link):
        write_text(path, "text")
        assert stat.S_ISCHR(path.stat().st_mode) and not is_replaced(path)
    assert sorted(tmp_path.iterdir()) == [link, device]


def test_a_socket_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(OutputError, match="^socket: cannot be written"):
            write_text(Path("socket"), "text")
    assert Path("socket").is_socket()


PRINTS = """
import sys
from pathlib import Path
from crshare.files import write_text
print("first")
write_text(Path("/dev/stdout"), "second\\n")
print("third")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/stdout is a link to an open file")
@pytest.mark.parametrize("kind", ["file", "pipe", "socket"])
def test_stdout_by_its_name_takes_its_turn(tmp_path: Path, kind: str) -> None:
    command = [sys.executable, "-c", PRINTS]
    match kind:
        case "file":
            with (tmp_path / "out").open("w") as file:
                subprocess.run(command, stdout=file, check=True, timeout=60)
            said = (tmp_path / "out").read_text()
        case "pipe":
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60)
            said = done.stdout.decode()
        case _:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                subprocess.run(command, stdout=theirs.fileno(), check=True, timeout=60)
                said = ours.recv(999).decode()
    assert said.split() == ["first", "second", "third"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"] * (kind == "file")


def test_a_file_that_may_not_be_written_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "b.txt"
    target.write_text("old")
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anything
    with pytest.raises(OutputError, match="Permission denied"):
        write_text(target, "new")
    assert target.read_text() == "old"


def test_names_as_long_as_a_file_system_takes_are_written(tmp_path: Path) -> None:
    target = tmp_path / ("é" * 127)
    write_text(target, "text")
    assert target.read_text() == "text"


# Modules that write files themselves, and why they may: what they write lies in a folder of their
# own that is temporary, or becomes a result as a whole.
WRITERS = {"crshare.files", "crshare.hardware.manifest", "hwgen.synthesis", "hwgen.tools"}
WRITES = {"write_text", "write_bytes", "rename", "mkstemp", "NamedTemporaryFile"}


@pytest.mark.parametrize("module", MODULES)
def test_no_module_writes_files_in_another_way(module: str) -> None:
    nodes = ast.walk(ast.parse(MODULES[module].read_text("utf-8")))
    calls = (node.func for node in nodes if isinstance(node, ast.Call))
    found = {called.attr for called in calls if isinstance(called, ast.Attribute)} & WRITES
    if module in WRITERS:
        assert found, f"{module} writes no file; take it out of WRITERS"
    else:
        assert not found, f"{module} writes a file by {found}; use crshare.files"
