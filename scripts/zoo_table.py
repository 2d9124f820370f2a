"""The Larq zoo: which architectures are read, which equal Larq, in what time and memory.

    pip install "crshare[train]" zookeeper "typeguard>=4"     (in an environment of its own)
    pip install --no-deps larq_zoo==2.4.0
    export PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python      (the zoo's files are of an old protoc)
    python scripts/zoo_table.py OUT                        all 14
    python scripts/zoo_table.py OUT QuickNet BiRealNet     some
    python scripts/zoo_table.py OUT --commands inspect verify

Each is built with seeded weights, its normalisations fitted to two random images and some of their
scales turned around, and saved as OUT/NAME.h5. Then `crshare inspect`, `verify` on the two images,
`analyze --quick` and `analyze` run on the file; a row tells what they said, the seconds of clock
and of processor, and the most memory of the process itself (its sandbox, which parses the file, and
the library that verify runs stand beside it). OUT/zoo.json keeps the rows; a file that is there is
not built again.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

NAMES = (
    *("BinaryAlexNet", "BinaryDenseNet28", "BinaryDenseNet37", "BinaryDenseNet37Dilated"),
    *("BinaryDenseNet45", "BinaryResNetE18", "BiRealNet", "DoReFaNet", "MeliusNet22"),
    *("QuickNet", "QuickNetLarge", "QuickNetSmall", "RealToBinaryNet", "XNORNet"),
)
DECLARED = {
    "DoReFaNet": (
        *("--layer", "magnitude_aware_sign_unclipped=layer-scaled-sign"),
        *("--layer", "clip_by_value_activation=clip-0-1"),
    ),
    "RealToBinaryNet": ("--layer", "Lambda=identity"),
    "XNORNet": ("--layer", "xnor_weight_scale=scaled-sign"),
}
COMMANDS = {
    "inspect": ("inspect",),
    "verify": ("verify", "--data", "images.npz"),
    "quick": ("analyze", "--quick"),
    "analyze": ("analyze",),
}
SHAPE = (224, 224, 3)


@dataclass(frozen=True)
class Row:
    """One command on one file. said: its last line, or what it counted."""

    name: str
    command: str
    code: int
    seconds: float
    processor_s: float
    megabytes: float
    said: str


def build(name: str, folder: Path) -> None:
    """In a process of its own: the file of an architecture, and the images if there are none."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    keras = import_module("tf_keras")
    keras.utils.set_random_seed(0)
    zoo = import_module("larq_zoo.sota" if name.startswith("Quick") else "larq_zoo.literature")
    model = getattr(zoo, name)(weights=None)
    images = np.random.default_rng(0).integers(0, 256, (2, *SHAPE), dtype=np.uint8)
    rng = np.random.default_rng(1)
    norms = [layer for layer in model.layers if "BatchNorm" in type(layer).__name__]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(images.astype(np.float32), training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
        if layer.scale:
            gamma = rng.choice([-1.0, 1.0, 1.0], layer.gamma.shape)
            layer.gamma.assign(gamma * rng.uniform(0.5, 1.5, gamma.shape))
    model.save(folder / f"{name}.h5")
    np.savez(folder / "images.npz", images=images, labels=np.zeros(2, np.int64))


def measured(name: str, command: str, folder: Path) -> Row:
    """A command on a file; its time and memory as the system counted them."""
    answer = folder / "answer.json"
    answer.unlink(missing_ok=True)
    words = [*COMMANDS[command], *DECLARED.get(name, ()), f"{name}.h5"]
    words += [] if "--quick" in words else ["--json", answer.name]
    began = time.monotonic()
    with (folder / "said.txt").open("w+b") as said:
        asked = [sys.executable, "-m", "crshare", *words]
        with subprocess.Popen(asked, cwd=folder, stdout=said, stderr=subprocess.STDOUT) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        lines = said.read().decode().split("\n")
    found = json.loads(answer.read_text()) if answer.exists() else None
    return Row(
        name,
        command,
        process.returncode,
        time.monotonic() - began,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss / 1024,
        _told(command, found, lines),
    )


def _told(command: str, found: Any, lines: list[str]) -> str:
    if found is None:
        return next((line for line in reversed(lines) if line.strip()), "")[:200]
    if command == "verify":
        bits = sum(layer["n_bits"] for layer in found["layers"])
        different = sum(layer["n_different"] for layer in found["layers"])
        worst = found["score_error"]
        return f"{different:,} of {bits:,} bits differ; scores differ by at most {worst:.0e}"
    return f"{len(found['layers'])} layers"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME")
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--build", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if given.build:
        build(given.names[0], folder)
        return 0
    rows: list[Row] = []
    for name in given.names:
        if not (folder / f"{name}.h5").exists():
            asked = [sys.executable, __file__, str(folder), name, "--build"]
            subprocess.run(asked, check=True, stderr=subprocess.DEVNULL)
        for command in given.commands:
            row = measured(name, command, folder)
            rows.append(row)
            print(
                f"{name} {command}: exit {row.code}, {row.seconds:.0f} s, {row.processor_s:.0f} s "
                f"of processor, {row.megabytes:,.0f} MB; {row.said}",
                flush=True,
            )
            (folder / "zoo.json").write_text(json.dumps([asdict(one) for one in rows], indent=1))
    return 1 if any(row.code for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
