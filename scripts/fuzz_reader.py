"""Mutated model files against the reader: every one is read, or refused by one sentence.

    python scripts/fuzz_reader.py 1000 MODEL...       files to make, and the models to spoil

Bytes flipped, files cut, data sets resized, configurations changed, zip bombs, huge declared
shapes; of .onnx files nodes, attributes and tensors; of networks of crshare export (.npz) the
header and arrays; of Verilog (.v) words; of BinaryBrain's .bb_net bytes. A file must take no more
than 5 s of a processor and 1 GB, and end in a network or in a CrshareError. Each file is named by
its seed; `--seed N` begins there, and one file alone is `1 --seed N`. Files are read in processes
of their own, so that a crash is a finding and no end.
"""

import argparse
import faulthandler
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import spoil_onnx

from crshare.errors import CrshareError
from crshare.model.read import read_model

LIMIT_S = 5.0
LIMIT_BYTES = 2**30
PER_PROCESS = 500
SIGNS = frozenset({"Sign", "BinConv2D"})
ODD: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2, 3, 7, 2**31, 2**63, 10**30, -0.5, 1e308, float("nan")),
    *("", "same", "valid", "SteSign", "ste_tern", "binary(alpha='auto')", "relu", "x" * 10_000),
    *([], [1], [1, 1], [2**20, 2**20], [-1, 1], [None, 10**6, 10**6, 3], [[["input_1", 0, 0, {}]]]),
    *({}, {"class_name": "SteSign", "config": {}}),
    {"class_name": "function", "config": "binary_tanh"},
)


def spoil_bytes(rng: random.Random, path: Path) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 2, 8, 64))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data)


def spoil_head(rng: random.Random, path: Path) -> None:
    """The first and last bytes, where the structure of the container is."""
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 4, 16))):
        place = rng.randrange(min(4096, len(data)))
        data[place if rng.random() < 0.5 else -1 - place] = rng.choice((0, 255, rng.randrange(256)))
    path.write_bytes(data)


def cut(rng: random.Random, path: Path) -> None:
    data = path.read_bytes()
    first, last = sorted(rng.randrange(len(data)) for _ in range(2))
    path.write_bytes(data[:first] if rng.random() < 0.5 else data[:first] + data[last:])


def fill(rng: random.Random, path: Path) -> None:
    data = bytearray(path.read_bytes())
    first = rng.randrange(len(data))
    n = min(rng.choice((4, 8, 512)), len(data) - first)
    data[first : first + n] = bytes([rng.choice((0, 255))]) * n
    path.write_bytes(data)


def spoil_config(rng: random.Random, path: Path) -> None:
    """Some values of the configuration set to odd ones, removed, or exchanged."""

    def change(config: Any) -> Any:
        for _ in range(rng.choice((1, 1, 2, 5))):
            spoil_value(rng, config)
        return config

    edit_config(path, lambda text: json.dumps(change(json.loads(text))))


def spoil_value(rng: random.Random, value: Any) -> None:
    holders = [value]
    while True:
        inner = holders[-1]
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(inner[key], dict | list) and inner[key] and rng.random() < 0.85:
            holders.append(inner[key])
            continue
        if rng.random() < 0.15:
            del inner[key]
        elif rng.random() < 0.1:
            inner[key] = rng.choice(holders[:-1] or [None]) and json.loads(json.dumps(holders[0]))
        else:
            inner[key] = rng.choice(ODD)
        return


def deepen(rng: random.Random, path: Path) -> None:
    depth = rng.choice((100, 900, 100_000))
    edit_config(path, lambda text: "[" * depth + text + "]" * depth)


def edit_config(path: Path, change: Callable[[str], str]) -> None:
    if path.suffix == ".json":
        path.write_text(change(path.read_text()))
    elif path.suffix == ".keras":
        edit_archive(path, "config.json", lambda data: change(data.decode()).encode())
    else:
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = change(file.attrs["model_config"])


def edit_archive(path: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    parts[name] = change(parts[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)


def spoil_weights(rng: random.Random, path: Path) -> None:
    """Data sets and attributes removed, resized, retyped, or declared huge."""
    if path.suffix == ".json":
        path = path.with_name(path.stem + ".weights.h5")
    if path.suffix == ".keras":
        edit_archive(path, "model.weights.h5", lambda data: spoiled_h5(rng, data))
    else:
        path.write_bytes(spoiled_h5(rng, path.read_bytes()))


def spoiled_h5(rng: random.Random, data: bytes) -> bytes:
    memory = BytesIO(data)
    with h5py.File(memory, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        for _ in range(rng.choice((1, 2, 4))):
            spoil_object(rng, file, rng.choice(names))
    return memory.getvalue()


def spoil_object(rng: random.Random, file: Any, name: str) -> None:
    if name not in file:
        return
    attributes = list(file[name].attrs)
    if attributes and rng.random() < 0.5:
        key = rng.choice(attributes)
        if rng.random() < 0.5:
            del file[name].attrs[key]
        else:
            file[name].attrs[key] = rng.choice((0, 1.5, "x", np.arange(9), [b"a", b"../b"]))
        return
    way = rng.randrange(6)
    shape = getattr(file[name], "shape", (1,))
    del file[name]
    if way == 1:
        file[name] = np.zeros(rng.choice(((), (0,), (3,), (3, 3), (1, 2, 3, 4), (1,) * 20)))
    elif way == 2:
        file.create_dataset(name, rng.choice(((2**31, 2**10), (2**40,))), "f4", chunks=True)
    elif way == 3:
        file[name] = np.array([b"code"])
    elif way == 4:
        file[name] = np.full(shape, rng.choice((np.nan, np.inf, 1e300, -1e-300)))
    elif way == 5:
        file[name] = h5py.ExternalLink("/etc/hostname", "/x")


def bomb(rng: random.Random, path: Path) -> None:
    """A part of an archive that unpacks to far more than it holds."""
    if path.suffix == ".keras":
        part = rng.choice(("config.json", "model.weights.h5", "metadata.json"))
        edit_archive(path, part, lambda data: data + bytes(rng.choice((2**20, 2**27, 2**28 + 9))))
    else:
        spoil_weights(rng, path)


def spoil_network(rng: random.Random, path: Path) -> None:
    """A network of crshare export: odd values in its header, odd arrays, or some left out."""
    with np.load(path) as stored:
        arrays = dict(stored)
    for _ in range(rng.choice((1, 1, 2, 4))):
        name = rng.choice(list(arrays))
        if name == "header" or rng.random() < 0.5:
            header = json.loads(bytes(arrays["header"]))
            spoil_value(rng, header)
            arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
        elif rng.random() < 0.3:
            del arrays[name]
        else:
            arrays[name] = odd_array(rng, arrays[name])
    np.savez(path, **arrays)


def odd_array(rng: random.Random, array: Any) -> Any:
    """Of another shape, type or content; 0 where there is nothing to change."""
    if not array.size:
        return np.zeros(rng.choice(((), (3,), (1,) * 20)))
    changed = array.copy()
    changed.flat[rng.randrange(array.size)] = rng.choice((0, 2, -1, 100, np.iinfo(np.int8).max))
    return rng.choice(
        (changed, changed, array[..., :-1], array[None], array.ravel(), array.astype(np.float16))
    )


def spoil_words(rng: random.Random, path: Path) -> None:
    """Words of a text left out, doubled, exchanged, or set to odd ones."""
    words = re.split(r"(\W)", path.read_text())
    for _ in range(rng.choice((1, 1, 2, 8))):
        at, other = rng.randrange(len(words)), rng.randrange(len(words))
        odd = rng.choice(("", "-1", "9" * 40, "module", "(", "[", "}", "64'hz", "/*", words[other]))
        words[at] = rng.choice((odd, words[at] * 2))
    path.write_text("".join(words))


WAYS = (
    *(spoil_bytes, spoil_bytes, spoil_head, spoil_head, cut, fill, deepen),
    *(spoil_config, spoil_config, spoil_config, spoil_config, spoil_weights, spoil_weights),
)
BYTES_WAYS = (spoil_bytes, spoil_head, cut, fill)
WAYS_OF: dict[str, tuple[Callable[[random.Random, Path], None], ...]] = {
    ".onnx": (*BYTES_WAYS, *(spoil_onnx.spoil_graph,) * 8),
    ".npz": (*BYTES_WAYS, *(spoil_network,) * 8),
    ".v": (*BYTES_WAYS, *(spoil_words,) * 4),
    ".bb_net": BYTES_WAYS,
}


def spoil(seed: int, models: list[Path], folder: Path) -> Path:
    """One file of this seed, made in the folder."""
    rng = random.Random(seed)
    source = rng.choice(models)
    path = folder / f"m{source.suffix}"
    shutil.copyfile(source, path)
    if source.suffix == ".json":
        shutil.copyfile(source.with_name(source.stem + ".weights.h5"), folder / "m.weights.h5")
    ways = WAYS_OF.get(source.suffix, WAYS)
    way = bomb if source.suffix not in WAYS_OF and rng.random() < 0.002 else rng.choice(ways)
    way(rng, path)
    if rng.random() < 0.1:
        spoil_bytes(rng, path)
    return path


def read(path: Path, seed: int) -> str:
    """`read`, or the start of the sentence that refuses the file; a finding raises."""
    signs = SIGNS if seed % 3 == 0 else frozenset()
    began = processor_s()
    try:
        read_model(path, sign_layers=signs)
        result = "read"
    except CrshareError as error:
        result = "refused"
        if "\n" in str(error) or not str(error):
            raise AssertionError(f"no single sentence: {error!r}") from error
    if processor_s() - began > LIMIT_S:
        raise AssertionError(f"took {processor_s() - began:.1f} s")
    return result


def processor_s() -> float:
    """Of this process and the children that it has waited for."""
    return sum(os.times()[:4])


def memory_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def work(first: int, n: int, models: list[Path]) -> None:
    """In a process of its own: a line for each file, so that the last one names a crash."""
    before = memory_bytes()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + n):
            print(f"seed {seed}", flush=True)
            try:
                path = spoil(seed, models, Path(folder))
            except Exception as error:  # noqa: BLE001 - whatever h5py raises
                print(f"unmade {error!r}"[:100], flush=True)  # spoiled past what can be edited
                continue
            made = memory_bytes()
            faulthandler.dump_traceback_later(30 * LIMIT_S, exit=True)
            try:
                print(read(path, seed), flush=True)
            except Exception:  # noqa: BLE001 - a finding, whatever it is
                print("FOUND " + traceback.format_exc().replace("\n", " | "), flush=True)
            faulthandler.cancel_dump_traceback_later()
            if memory_bytes() > max(made, before) + LIMIT_BYTES:
                print(f"FOUND {memory_bytes() - before} bytes of memory", flush=True)


def run(first: int, n: int, models: list[Path]) -> tuple[Counter[str], list[str]]:
    """All files, in processes of some hundreds; counts by result, and the findings."""
    counts: Counter[str] = Counter()
    found: list[str] = []
    seed, n_shown = first, 0
    while seed < first + n:
        size = min(PER_PROCESS, first + n - seed)
        command = [sys.executable, __file__, str(size), "--seed", str(seed), "--work"]
        done = subprocess.run(
            [*command, *map(str, models)], capture_output=True, text=True, check=False
        )
        for line in done.stdout.splitlines():
            if line.startswith("seed "):
                seed = int(line.split()[1])
            elif line.startswith("FOUND"):
                found.append(f"seed {seed}: {line}")
            counts[line.split()[0]] += 1
        if done.returncode:
            ends = " | ".join(done.stderr.splitlines()[:12])
            found.append(f"seed {seed}: the process ended with {done.returncode}: {ends}")
        seed += 1
        show(counts, len(found))
        for finding in found[n_shown:]:
            print(finding, flush=True)
        n_shown = len(found)
    return counts, found


def show(counts: Counter[str], n_found: int) -> None:
    named = {"seed": "files", "unmade": "not made", "FOUND": "findings"}
    shown = ", ".join(f"{counts[key]} {named.get(key, key)}" for key in sorted(counts))
    print(f"{shown}, {n_found} findings in all", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n", type=int)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.seed, options.n, options.models)
        return 0
    _, found = run(options.seed, options.n, options.models)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
