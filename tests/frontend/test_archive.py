"""Archives whose members lie: refused by one sentence, for reading and for writing alike."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from crshare.errors import ModelFormatError
from crshare.frontend.archive import MAX_MEMBERS, MAX_OTHERS
from crshare.model.read import read_network
from crshare.model.write import apply_network
from tests.keras_files import write_keras
from tests.small_model import RESAVE, SHAPE, small

NOTE = "assets/note.txt"
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
DEFLATED = zipfile.ZIP_DEFLATED
Edit = Callable[[Path], None]


def with_members(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> Edit:
    def add(path: Path) -> None:
        with zipfile.ZipFile(path, "a", method) as archive:
            for name, content in members:
                archive.writestr(name, content)

    return add


def with_field(local: int, central: int, value: int) -> Edit:
    """One 2-byte field of the note's two headers."""

    def spoil(path: Path) -> None:
        with_members((NOTE, b"words"), method=DEFLATED)(path)
        content = bytearray(path.read_bytes())
        for mark, offset in ((LOCAL, local), (CENTRAL, central)):
            start = content.rindex(mark) + offset
            content[start : start + 2] = struct.pack("<H", value)
        path.write_bytes(content)

    return spoil


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (with_members((NOTE, b"1"), (NOTE, b"2")), f"holds two files {NOTE}"),
        (with_members(("config.json", b"{}")), "holds two files config.json"),
        (
            with_members(*((str(i), b"") for i in range(MAX_MEMBERS))),
            f"holds {MAX_MEMBERS + 3} files, where {MAX_MEMBERS} are read",
        ),
        (
            with_members((NOTE, bytes(MAX_OTHERS + 1)), method=DEFLATED),
            f"its {NOTE} claims {MAX_OTHERS + 1} bytes, where {MAX_OTHERS} are read",
        ),
        (
            with_members((NOTE, bytes(2**27 + 9)), ("b", bytes(2**27)), method=DEFLATED),
            f"its b claims {2**27} bytes, where {2**27 - 9} are read",
        ),
        (with_field(6, 8, 1), f"its {NOTE} is encrypted"),
        (with_field(8, 10, 99), f"its {NOTE} is packed by method 99, which Keras does not use"),
        (with_field(8, 10, 12), f"its {NOTE} is packed by method 12, which Keras does not use"),
    ],
)  # fmt: skip
def test_a_strange_member_is_refused_before_it_is_unpacked(
    tmp_path: Path, edit: Edit, sentence: str
) -> None:
    path = write_keras(tmp_path / "m.keras", small(), SHAPE)
    edit(path)
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == f"{path}: {sentence}; {RESAVE}"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (with_field(14, 16, 7), f"Bad CRC-32 for file '{NOTE}'"),
        (with_field(8, 10, 0), f"Bad CRC-32 for file '{NOTE}'"),
        (with_field(22, 24, 2), f"Bad CRC-32 for file '{NOTE}'"),
    ],
)
def test_a_member_that_is_damaged_is_no_trouble_until_it_is_copied(
    tmp_path: Path, edit: Edit, reason: str
) -> None:
    path = write_keras(tmp_path / "m.keras", small(), SHAPE)
    network = read_network(path)
    edit(path)
    assert read_network(path).input == network.input
    with pytest.raises(ModelFormatError) as error:
        apply_network(path, network, tmp_path / "new.keras")
    assert str(error.value).startswith(f"{path}: is no readable .keras archive ({reason}")
    assert str(error.value).endswith(f"); {RESAVE}")
    assert [held.name for held in tmp_path.iterdir()] == ["m.keras"]


def test_other_members_are_copied_as_they_are(tmp_path: Path) -> None:
    path = write_keras(tmp_path / "m.keras", small(), SHAPE)
    with_members((NOTE, b"words" * 100), ("assets/", b""), method=DEFLATED)(path)
    apply_network(path, read_network(path), tmp_path / "new.keras")
    with zipfile.ZipFile(path) as one, zipfile.ZipFile(tmp_path / "new.keras") as other:
        assert one.namelist() == other.namelist()
        for old, new in zip(one.infolist(), other.infolist(), strict=True):
            assert one.read(old) == other.read(new)
            assert (old.compress_type, old.date_time) == (new.compress_type, new.date_time)
