"""Generated models of a library, saved in every container, read, and compared bit for bit.

    python scripts/roundtrip.py DIALECT [N] [--seed S] [--double]

DIALECT is larq, qkeras, keras or binarynet.

Each model is built and run by its own library (extra `train`), saved in each container that the
library writes, read, and run by crshare on the same images. qkeras 0.9 wants an environment of its
own: with tensorflow and tf_keras 2.21, and pyparsing, which it does not declare.
A bit may differ only where rounding explains it (crshare.evaluation.rounding): the library's, in
float32 or with --double in float64, so that hardly more than exact ties are left; or ours, where
reals of float32 are added. The table counts models, files, bits, and bits that differ, by whether
reals stand behind them; and says how near to that limit, 1, the worst of them came.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "keras" not in sys.argv[1:2]:
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

from crshare.arrays import Array
from crshare.errors import CrshareError
from crshare.evaluation.library_check import bit_readers, compare
from crshare.evaluation.rounding import FLOAT32, FLOAT64
from crshare.model.read import read_model
from crshare.network.graph import INPUT, Kind, Network

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.library_models import LIBRARIES, build, doubled, keras_for  # noqa: E402

N_IMAGES = 20


def containers(dialect: str, model: Any, folder: Path) -> list[Path]:
    """The model saved in every container that its library writes."""
    paths = [folder / "m.h5", folder / "m.keras"]
    if dialect == "larq":
        import larq

        with larq.context.quantized_scope(True):
            paths.append(folder / "binary.h5")
            model.save(paths[-1])
    for path in paths[:2]:
        model.save(path)
    for name, ending in (("apart", ".weights.h5"), ("named", ".h5")):
        if ending == ".h5" and dialect == "keras":
            continue  # Keras 3 writes .weights.h5 only
        (folder / f"{name}.json").write_text(model.to_json())
        model.save_weights(folder / f"{name}{ending}")
        paths.append(folder / f"{name}.json")
    return paths


def run(keras: Any, model: Any, images: Array, names: list[str]) -> tuple[dict[str, Array], Array]:
    """Which values that enter the weights of the named layers are positive, and the scores."""
    found = [model.get_layer(name) for name in names]
    probe = keras.Model(model.inputs, [*(layer.input for layer in found), model.outputs[0]])
    dtype = model.inputs[0].dtype
    *entered, scores = probe(images.astype(getattr(dtype, "name", dtype)), training=False)
    quantizers = [getattr(layer, "input_quantizer", None) or np.asarray for layer in found]
    signs = [np.asarray(q(value)) > 0 for q, value in zip(quantizers, entered, strict=True)]
    return dict(zip(names, signs, strict=True)), np.asarray(scores)


def has_reals(network: Network, name: str) -> bool:
    """Whether any real-valued map stands behind this layer's."""
    if name == INPUT:
        return False
    real = network.signals[name].kind is Kind.REALS
    return real or any(has_reals(network, source) for source in network.layer(name).sources)


def one(
    dialect: str, seed: int, folder: Path, worst: dict[str, float], *, double: bool
) -> Counter[str]:
    """Build, save, read and compare one model; what to count of it, and the worst into `worst`."""
    keras = keras_for(dialect)
    keras.backend.clear_session()
    model, images, signs = build(dialect, keras, seed)
    counts: Counter[str] = Counter(models=1)
    known: tuple[dict[str, Any], Any] | None = None
    for path in containers(dialect, model, folder):
        counts[path.suffix] += 1
        read = read_model(path, sign_layers=signs)
        names = [read.linears[layer.name].stored[0] for layer in bit_readers(read)]
        if known is None:
            runs = doubled(keras, model) if double else model
            known = run(keras, runs, images, names)
        theirs, scores = known
        found = compare(read, images, theirs, scores, FLOAT64 if double else FLOAT32)
        for check in found.layers:
            source = read.network.layer(check.layer).source
            behind = "reals" if has_reals(read.network, source) else "integers"
            counts[f"bits on {behind}"] += check.n_bits
            counts[f"different bits on {behind}"] += check.n_different
        counts["images"] += found.n_images
        counts["images with a rounded bit"] += len(found.firsts)
        margins = [first.margin for first in found.firsts]
        worst["margin of a bit"] = max([worst["margin of a bit"], *margins])
        worst["error of a score"] = max(worst["error of a score"], found.score_error)
        if not found.holds:
            counts["FAILED"] += 1
            shown = [(c.layer, c.first[:1]) for c in found.layers if c.first]
            print(f"seed {seed}, {path.name}: {shown}, scores {found.score_error:.2e}", flush=True)
    return counts


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dialect", choices=LIBRARIES)
    parser.add_argument("n", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--double", action="store_true", help="the library computes in float64")
    options = parser.parse_args(words)
    counts: Counter[str] = Counter()
    worst = {"margin of a bit": 0.0, "error of a score": 0.0}
    for seed in range(options.seed, options.seed + options.n):
        with tempfile.TemporaryDirectory() as folder:
            try:
                counts += one(options.dialect, seed, Path(folder), worst, double=options.double)
            except CrshareError as error:
                counts["FAILED"] += 1
                print(f"seed {seed}: {error}", flush=True)
    print(json.dumps({"dialect": options.dialect, **counts, **worst}))
    for name, count in counts.items():
        print(f"{options.dialect:10} {name:28} {count:>14,}")
    for name, value in worst.items():
        print(f"{options.dialect:10} {'greatest ' + name:28} {value:>14.2g}")
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
