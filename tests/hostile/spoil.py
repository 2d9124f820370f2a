"""Spoiled files from whole ones: bytes and values changed by a random generator that is given."""

import json
import random
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np

from tests.hostile.names import NAMES

Random = random.Random
Way = Callable[[Random, bytes], bytes]

NUMBERS = (-1, 0, 1, 2, 3, 7, 255, 2**31, -(2**31), 2**63, 10**30, -0.5, 1e-320, 1e308)
WORDS = ("", "NaN", "inf", "1", "true", "+-+", "x" * 10_000)
ODD: tuple[Any, ...] = (
    *(None, True, False, *NUMBERS, *WORDS, float("nan"), float("inf")),
    *([], [[]], [1], [1, 2], ["x"], [None], {}, {"x": 1}, {"": {}}, [0] * 1000),
)


def flip(rng: Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def flip_ends(rng: Random, content: bytes) -> bytes:
    """The first and last bytes, where a container keeps its structure."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 2, 4, 16))):
        place = rng.randrange(min(300, len(data)))
        data[rng.choice((place, -1 - place))] = rng.choice((0, 1, 255, rng.randrange(256)))
    return bytes(data)


def cut(rng: Random, content: bytes) -> bytes:
    first, last = sorted(rng.randrange(len(content)) for _ in range(2))
    return content[:first] + rng.choice((b"", content[last:], content[first:] * 2))


def fill(rng: Random, content: bytes) -> bytes:
    first = rng.randrange(len(content))
    n = min(rng.choice((4, 8, 512)), len(content) - first)
    return content[:first] + bytes([rng.choice((0, 255))]) * n + content[first + n :]


def change_values(rng: Random, content: bytes) -> bytes:
    """Some values of a JSON text replaced, removed, doubled or exchanged."""
    document = json.loads(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        change_value(rng, document)
    return json.dumps(document).encode()


def change_value(rng: Random, document: Any) -> None:
    """One value, of any depth; a list's length changes in a quarter of its changes."""
    inner = document
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        if not keys:
            return
        key = rng.choice(keys)
        if not (isinstance(inner[key], dict | list) and inner[key] and rng.random() < 0.8):
            break
        inner = inner[key]
    match rng.randrange(8):
        case 0:
            del inner[key]
        case 1 if isinstance(inner, list):
            inner.append(inner[key])
        case 1:
            inner[rng.choice(NAMES)] = inner[key]
        case 2:
            inner[key] = inner[rng.choice(keys)]
        case 3:
            inner[key] = rng.choice(NAMES)
        case 4 if isinstance(inner[key], int):
            old = inner[key]
            inner[key] = rng.choice((str(old), old / 1, old + 1, -old))
        case _:
            inner[key] = rng.choice(ODD)


def nudge_values(rng: Random, content: bytes) -> bytes:
    """Some values of a JSON text exchanged for others of the same type, so that types hold."""

    def nudged(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: nudged(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [nudged(inner) for inner in value]
        return same_kind(rng, value) if rng.random() < share else value

    document = json.loads(content)
    share = rng.choice((0.001, 0.01, 0.1))
    return json.dumps(nudged(document)).encode()


def same_kind(rng: Random, value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return rng.choice((0, 1, 2, 1000, 2**31 - 1, 2**40, value + 1, abs(value - 1)))
        case float():
            return rng.choice((0.0, 1.0, 0.5, 1e-9, 1e9, value / 2, value + 1))
        case str():
            return rng.choice(NAMES)
        case _:
            return value


def double_key(rng: Random, content: bytes) -> bytes:
    """A key that stands twice in one object."""
    places = [place for place, one in enumerate(content) if one == ord("{")]
    place = rng.choice(places) + 1
    key = content[place:].split(b":")[0]
    value = rng.choice((b"1", b'"x"', b"[]", b"{}"))
    return content[:place] + key + b":" + value + b"," + content[place:]


def deepen(rng: Random, content: bytes) -> bytes:
    depth = rng.choice((100, 900, 100_000))
    return b"[" * depth + content + b"]" * depth


def recode(rng: Random, content: bytes) -> bytes:
    """The same text in another encoding, or among odd bytes."""
    text = content.decode()
    return rng.choice(
        (text.encode("utf-16"), b"\xef\xbb\xbf" + content, content + b"\0", b"\xff" + content, b"")
    )


JSON_WAYS: tuple[Way, ...] = (
    *(change_values,) * 6, *(nudge_values,) * 4,
    *(flip, flip_ends, cut, fill, double_key, deepen, recode),
)  # fmt: skip


def spoil_json(rng: Random, content: bytes) -> bytes:
    return rng.choice(JSON_WAYS)(rng, content)


DTYPES = ("?", "i1", "u1", "i2", ">u2", "i8", "u8", "f2", "f4", "f8", "c8", "c16", "m8[s]", "m8",
          "M8[D]", "U1", "U0", "S3", "S0", "V3", "O", "u1,u1", "(2,2)u1", "g")  # fmt: skip
SHAPES = ((), (0,), (1,), (-1,), (-3, 8, 8, 1), (2**31, 8, 8, 1), (2**63,), (10**30,), (1,) * 33,
          (40, 8, 8), (40, 8, 8, 2), ("x",), (1.5,), None, 4, (True,))  # fmt: skip
HEADERS = (b"{}", b"", b"[", b"{" * 5000, b"x", b"None", b"{'descr': 'u1'}", b"\x80\x04K\x01.",
           b"{'descr': __import__('os'), 'fortran_order': 0, 'shape': ()}", b"(" * 90, b"'''",
           b"{'descr': '|u1', 'fortran_order': 0, 'shape': (1L,)}", b"9" * 5000)  # fmt: skip


def npy(header: bytes, body: bytes) -> bytes:
    """An array's file of this header, whatever it says."""
    padded = header + b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded) % 2**16) + padded + body


def odd_array(rng: Random) -> bytes:
    """A file of an array of an odd type or shape, or of an odd header."""
    match rng.randrange(4):
        case 0:
            return npy(rng.choice(HEADERS), bytes(64))
        case 1:
            said = {"descr": "|u1", "fortran_order": False, "shape": rng.choice(SHAPES)}
            return npy(repr(said).encode(), bytes(rng.choice((0, 64, 2560))))
        case 2:
            said = {"descr": rng.choice(DTYPES), "fortran_order": rng.random() < 0.3}
            return npy(repr(said | {"shape": (40,)}).encode(), bytes(rng.choice((40, 320, 640))))
        case _:
            memory = BytesIO()
            dtype = np.dtype(rng.choice(DTYPES))
            np.save(memory, np.zeros(rng.choice(((40,), (40, 6, 6, 1))), dtype), allow_pickle=True)
            return memory.getvalue()


def odd_member(rng: Random, content: bytes) -> bytes:
    """One array of the archive replaced by an odd one, left out, or there twice."""
    parts = members(content)
    name = rng.choice(list(parts))
    twice = rng.random() < 0.1
    if not twice:
        parts[name] = odd_array(rng)
    if rng.random() < 0.1:
        del parts[name]
    kind = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    return archive([*parts.items(), *([(name, odd_array(rng))] if twice else [])], kind)


def spoil_compressed(rng: Random, content: bytes) -> bytes:
    kind = rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    return rng.choice((flip, fill, cut))(rng, archive(members(content).items(), kind))


FIELDS = ((6, 8, 2), (8, 10, 2), (14, 16, 4), (18, 20, 4), (22, 24, 4), (26, 28, 2), (28, 30, 2))


def spoil_fields(rng: Random, content: bytes) -> bytes:
    """Flags, method, checksum or sizes of one member, in its two headers."""
    data = bytearray(content)
    local, central, size = rng.choice(FIELDS)
    value = rng.choice((0, 1, 8, 9, 12, 93, 99, 2**15, 2**31, 2**32 - 1)) % 2 ** (8 * size)
    for mark, offset in ((b"PK\3\4", local), (b"PK\1\2", central)):
        place = data.find(mark)
        data[place + offset : place + offset + size] = value.to_bytes(size, "little")
    return bytes(data)


def bomb(rng: Random, content: bytes) -> bytes:
    """A member that unpacks to far more than it holds."""
    parts = members(content)
    parts[rng.choice([*parts, "other"])] = bytes(rng.choice((2**20, 2**27)))
    return archive(parts.items(), zipfile.ZIP_DEFLATED)


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(content)) as held:
        return {name: held.read(name) for name in held.namelist()}


def archive(parts: Any, kind: int) -> bytes:
    memory = BytesIO()
    with zipfile.ZipFile(memory, "w", kind) as held:
        for name, content in parts:
            held.writestr(name, content)
    return memory.getvalue()


NPZ_WAYS: tuple[Way, ...] = (
    *(odd_member,) * 4, *(spoil_fields,) * 2, flip, flip_ends, cut, fill, spoil_compressed,
)  # fmt: skip


def spoil_npz(rng: Random, content: bytes) -> bytes:
    return (bomb if rng.random() < 0.002 else rng.choice(NPZ_WAYS))(rng, content)
