"""Arrays come from the file in slices; whatever else a file holds ends in one sentence."""

import os
import tracemalloc
import zipfile
from pathlib import Path
from random import Random

import numpy as np
import pytest

from crshare.errors import DataError
from crshare.images.npz import Npz
from tests.images.npz_files import GOOD, LABELS, PIXELS, npy, npz, with_header

AGAIN = "; write the file again with numpy.savez"
EXPECTED = "; expected an .npz file with arrays `images` [n,h,w,c] and `labels` [n]"
N_SPOILED = 300


def refusal(path: Path, name: str = "images") -> str:
    with pytest.raises(DataError) as error, Npz(path) as arrays:
        _ = arrays[name][:]
    said = str(error.value)
    assert said.startswith(f"{path}: ")
    return said.removeprefix(f"{path}: ")


@pytest.mark.parametrize("compressed", [False, True])
def test_slices_are_those_of_the_array(tmp_path: Path, compressed: bool) -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 3, 2)).astype(np.uint8)
    path = tmp_path / "images.npz"
    (np.savez_compressed if compressed else np.savez)(path, images=images, labels=np.zeros(50))
    with Npz(path) as arrays:
        packed = arrays["images"]
        assert len(packed) == 50
        for rows in (slice(0, 7), slice(7, 20), slice(30, 90), slice(5, 6), slice(0, 0)):
            assert np.array_equal(packed[rows], images[rows])
        assert np.array_equal(arrays["labels"][:], np.zeros(50))


def test_pieces_of_a_large_array_are_put_together(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 2**21)).astype(np.uint8)
    np.savez(tmp_path / "large.npz", images=images)
    with Npz(tmp_path / "large.npz") as arrays:
        assert np.array_equal(arrays["images"][1:], images[1:])


@pytest.mark.parametrize("kind", ["b1", "i1", "u2", ">i4", "<u8", "f4", ">f8"])
def test_every_type_of_numbers_is_read(tmp_path: Path, kind: str) -> None:
    np.savez(tmp_path / "a.npz", images=PIXELS.astype(kind))
    with Npz(tmp_path / "a.npz") as arrays:
        found = arrays["images"][:]
    assert found.dtype == np.dtype(kind)
    assert np.array_equal(found, PIXELS.astype(kind))


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    "header",
    [
        GOOD + " " * 40 + "\n",
        "{'shape':(30,2,2,1),'fortran_order':False,'descr':'<u1'}",
        '{"descr": "u1", "fortran_order": False, "shape": (30, 2, 2, 1)}',
        "{'descr': '|u1', 'fortran_order': False, 'shape': (30L, 2L, 2L, 1L), }",
    ],
)
def test_headers_of_other_writers_are_read(tmp_path: Path, header: str, version: int) -> None:
    with Npz(with_header(tmp_path / "a.npz", header, version)) as arrays:
        assert np.array_equal(arrays["images"][:], PIXELS)


COLUMNS = "it is stored column by column; write numpy.ascontiguousarray of it"
NO_SET = "is none of a set of images"
NO_HEADER = "its header is none of an array of numbers"
SPOILED = {
    "": NO_HEADER,
    "{}": NO_HEADER,
    "(" * 9000: NO_HEADER,
    " " * 9000: NO_HEADER,
    "[" + GOOD + "]": NO_HEADER,
    GOOD + GOOD: NO_HEADER,
    GOOD.replace("shape", "descr"): NO_HEADER,
    GOOD.replace("}", "'more': 1}"): NO_HEADER,
    GOOD.replace("'|u1'", "[('a', '|u1')]"): NO_HEADER,
    GOOD.replace("'|u1'", "__import__('os')"): NO_HEADER,
    GOOD.replace("30", "-30"): NO_HEADER,
    GOOD.replace("30", "30.0"): NO_HEADER,
    GOOD.replace("30", "3 0"): NO_HEADER,
    GOOD.replace("30", "9" * 5000): NO_HEADER,
    GOOD.replace("(30, 2, 2, 1)", "'30'"): NO_HEADER,
    GOOD.replace("False", "True"): COLUMNS,
    GOOD.replace("False", "'x'"): COLUMNS,
    " " * 10_001: "its header has 10,001 bytes, where 10,000 are read",
    GOOD.replace("30, 2, 2, 1", ""): "its shape [] is none of a set of images",
    GOOD.replace("30", "1, " * 8 + "30"): f"its shape {[1] * 8 + [30, 2, 2, 1]} {NO_SET}",
    GOOD.replace("30", str(2**62)): f"its shape [{2**62}, 2, 2, 1] {NO_SET}",
    GOOD.replace("30", f"0, {2**62}"): f"its shape [0, {2**62}, 2, 2, 1] {NO_SET}",
    GOOD.replace("30", "2000000"): "its shape [2000000, 2, 2, 1] is not that of 120 bytes",
    GOOD.replace("30", "29"): "its shape [29, 2, 2, 1] is not that of 120 bytes",
}  # fmt: skip
OF_OTHER_TYPES = (
    "|O",
    "<m8[s]",
    "<M8[D]",
    "<U3",
    "|S2",
    "|V1",
    "<f2",
    "<f16",
    "<c8",
    "u3",
    "x",
    "",
)


@pytest.mark.parametrize("header", SPOILED, ids=range(len(SPOILED)))
def test_each_spoiled_header_is_told(tmp_path: Path, header: str) -> None:
    said = refusal(with_header(tmp_path / "a.npz", header))
    assert said == f"array 'images' cannot be read ({SPOILED[header]}){AGAIN}"


@pytest.mark.parametrize("kind", OF_OTHER_TYPES)
def test_what_are_no_numbers_is_refused(tmp_path: Path, kind: str) -> None:
    said = refusal(with_header(tmp_path / "a.npz", GOOD.replace("|u1", kind)))
    assert said == (
        f"array 'images' cannot be read (its entries are {kind!r}; expected integers, float32, "
        f"float64 or bool){AGAIN}"
    )


def test_objects_are_refused_unread(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.array([{}], object))
    assert "its entries are '|O'" in refusal(tmp_path / "a.npz")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    path = with_header(tmp_path / "a.npz", GOOD)
    assert refusal(path, "pixels") == f"holds no array named 'pixels'{EXPECTED}"
    assert refusal(tmp_path / "none.npz") == f"no such file{EXPECTED}"
    assert refusal(tmp_path) == f"is no regular file{EXPECTED}"
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(path) == f"cannot be read (File is not a zip file){EXPECTED}"


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == f"is no regular file{EXPECTED}"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(tmp_path: Path, method: int) -> None:
    path = npz(tmp_path / "a.npz", {"images.npy": npy(GOOD)}, method)
    assert refusal(path) == (
        f"array 'images' cannot be read (it is packed by method {method}, which numpy does not "
        f"use){AGAIN}"
    )


def changed(path: Path, offset: int, value: int, n: int) -> Path:
    """The file with a field of its first member's entry in the directory at the end changed."""
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02") + offset
    content[start : start + n] = value.to_bytes(n, "little")
    path.write_bytes(content)
    return path


FLAGS, PACKED, UNPACKED = (8, 2), (20, 4), (24, 4)  # place and length of a field


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (FLAGS, 1, "it is encrypted"),
        (PACKED, 2**31, "it claims 2,147,483,648 bytes of a smaller file"),
        (UNPACKED, 2**31, "it claims 2,147,483,648 bytes packed in 196, as no images are"),
    ],
)
def test_what_a_member_claims_is_not_believed(
    tmp_path: Path, field: tuple[int, int], value: int, words: str
) -> None:
    path = changed(with_header(tmp_path / "a.npz", GOOD), field[0], value, field[1])
    assert refusal(path) == f"array 'images' cannot be read ({words}){AGAIN}"


def test_a_long_directory_is_not_read(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", {f"{i:0200}": b"" for i in range(5000)})
    assert "its list of arrays has" in refusal(path)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", {"images.npy": npy(GOOD), "labels.npy": npy(GOOD)})
    path.write_bytes(path.read_bytes().replace(b"labels", b"images"))
    assert "the file holds two of that name" in refusal(path)


@pytest.mark.slow
def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    n = 2**29
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w", force_zip64=True) as member,
    ):
        member.write(npy(GOOD.replace("30", str(n // 4)), b""))
        for _ in range(n // 2**20):
            member.write(bytes(2**20))
    tracemalloc.start()
    said = refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "as no images are" in said
    assert peak < 2**23


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_entry_is_told(tmp_path: Path, method: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 120_000).astype(np.uint8)
    header = GOOD.replace("30", "30000")
    path = npz(tmp_path / "a.npz", {"images.npy": npy(header, noise.tobytes())}, method)
    content = bytearray(path.read_bytes())
    content[60_000:60_100] = bytes(100)
    path.write_bytes(content)
    said = refusal(path)
    assert said.startswith("array 'images' is damaged (")
    assert said.endswith(AGAIN)


def test_spoiled_files_are_read_or_told_in_one_sentence(tmp_path: Path) -> None:
    rng = Random(5)
    originals = []
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "good.npz", images=PIXELS, labels=LABELS)
        originals.append((tmp_path / "good.npz").read_bytes())
    counts = [0, 0]
    for number in range(N_SPOILED):
        path = tmp_path / "spoiled.npz"
        path.write_bytes(spoiled(originals[number % 2], rng))
        counts[outcome(path)] += 1
    assert counts[1] > N_SPOILED / 2
    assert counts[0] > 5


def test_spoiled_arrays_in_sound_archives_are_read_or_told(tmp_path: Path) -> None:
    rng = Random(6)
    counts = [0, 0]
    for _ in range(N_SPOILED):
        members = {name: spoiled(npy(GOOD), rng) for name in ("images.npy", "labels.npy")}
        counts[outcome(npz(tmp_path / "spoiled.npz", members))] += 1
    assert counts[1] > N_SPOILED / 2
    assert counts[0] > 5


def spoiled(content: bytes, rng: Random) -> bytes:
    """A few bytes changed, or a run of them taken out, put in twice or cut off."""
    found = bytearray(content)
    start = rng.randrange(len(found))
    match rng.randrange(5):
        case 0:
            del found[start : start + rng.choice((1, 20, len(found)))]
        case 1:
            found[start:start] = found[start : start + rng.choice((1, 40))]
        case 2:
            found[start : start + 4] = rng.choice((0, 2**31 - 1, 2**32 - 1)).to_bytes(4, "little")
        case _:
            for _ in range(rng.choice((1, 4, 30))):
                found[rng.randrange(len(found))] = rng.randrange(256)
    return bytes(found)


def outcome(path: Path) -> int:
    """0 where both arrays are read, 1 where one sentence tells why not."""
    try:
        with Npz(path) as arrays:
            for name in ("images", "labels"):
                assert isinstance(arrays[name][:], np.ndarray)
    except DataError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
        return 1
    return 0
