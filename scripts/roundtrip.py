"""Generated models of a library, saved in every container, read, and compared bit for bit.

    python scripts/roundtrip.py DIALECT [N] [--seed S] [--double] [--kind KIND]

DIALECT is larq, qkeras, keras or binarynet. Without --kind, models have every layer and topology
that a dialect knows; with it (of larq and keras), they are of one of the kinds that people build:
models in models, operations as layers, reshapes, gates, activations of two bits.

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
from collections.abc import Callable, Sequence
from functools import wraps
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

from tests import field_models  # noqa: E402
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


def run(model: Any, images: Array, names: list[str]) -> tuple[dict[str, Array], Array]:
    """Which values that enter the weights of the named layers are positive, and the scores."""
    entered: dict[str, Array] = {}
    layers = {name: layer_at(model, name) for name in names}
    for name, layer in layers.items():
        layer.call = kept(name, layer.call, entered)
    dtype = model.inputs[0].dtype
    scores = model(images.astype(getattr(dtype, "name", dtype)), training=False)
    for layer in layers.values():
        del layer.call
    quantizers = {name: getattr(layers[name], "input_quantizer", None) for name in names}
    signs = {
        name: np.asarray((how or np.asarray)(entered[name])) > 0 for name, how in quantizers.items()
    }
    return signs, np.asarray(scores)


def layer_at(model: Any, path: str) -> Any:
    """The layer of this name, behind the names of the models that it lies in."""
    for layer in model.layers:
        if layer.name == path:
            return layer
        if path.startswith(f"{layer.name}/") and hasattr(layer, "layers"):
            return layer_at(layer, path.removeprefix(f"{layer.name}/"))
    raise KeyError(path)


def kept(name: str, call: Callable[..., Any], entered: dict[str, Any]) -> Callable[..., Any]:
    """A layer's call that keeps what it is given."""

    @wraps(call)
    def keeping(inputs: Any, *more: Any, **options: Any) -> Any:
        entered[name] = inputs
        return call(inputs, *more, **options)

    return keeping


def has_reals(network: Network, name: str) -> bool:
    """Whether any real-valued map stands behind this layer's."""
    if name == INPUT:
        return False
    real = network.signals[name].kind is Kind.REALS
    return real or any(has_reals(network, source) for source in network.layer(name).sources)


def one(
    dialect: str,
    kind: str | None,
    seed: int,
    folder: Path,
    worst: dict[str, float],
    *,
    double: bool,
) -> Counter[str]:
    """Build, save, read and compare one model; what to count of it, and the worst into `worst`."""
    keras = keras_for(dialect)
    keras.backend.clear_session()
    model, images, signs = made(dialect, kind, keras, seed)
    counts: Counter[str] = Counter(models=1)
    known: tuple[dict[str, Any], Any] | None = None
    for path in containers(dialect, model, folder):
        counts[path.suffix] += 1
        read = read_model(path, sign_layers=signs)
        names = [read.linears[layer.name].stored[0] for layer in bit_readers(read)]
        if known is None:
            runs = doubled(keras, model) if double else model
            known = run(runs, images, names)
        theirs, scores = known
        found = compare(read, images, theirs, scores, FLOAT64 if double else FLOAT32)
        for check in found.layers:
            source = read.network.layer(check.layer).source
            behind = "reals" if has_reals(read.network, source) else "integers"
            counts[f"bits on {behind}"] += check.n_bits
            counts[f"different bits on {behind}"] += check.n_different
        counts["images"] += found.n_images
        counts["images with a rounded bit"] += len(found.firsts)
        counts["images with a rounded step"] += found.n_rounded
        margins = [first.margin for first in found.firsts]
        worst["margin of a bit"] = max([worst["margin of a bit"], *margins])
        worst["error of a score"] = max(worst["error of a score"], found.score_error)
        if not found.holds:
            counts["FAILED"] += 1
            shown = [(c.layer, c.first[:1]) for c in found.layers if c.first]
            print(f"seed {seed}, {path.name}: {shown}, scores {found.score_error:.2e}", flush=True)
    return counts


def made(
    dialect: str, kind: str | None, keras: Any, seed: int
) -> tuple[Any, Array, frozenset[str]]:
    """A model of the dialect, or of one kind; images, and the layers that are declared signs."""
    if kind is None:
        return build(dialect, keras, seed)
    model, images = field_models.build(dialect, kind, seed)
    return model, images, frozenset({"Sign"} if dialect == "keras" else ())


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dialect", choices=LIBRARIES)
    parser.add_argument("n", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=field_models.KINDS)
    parser.add_argument("--double", action="store_true", help="the library computes in float64")
    options = parser.parse_args(words)
    counts: Counter[str] = Counter()
    worst = {"margin of a bit": 0.0, "error of a score": 0.0}
    for seed in range(options.seed, options.seed + options.n):
        with tempfile.TemporaryDirectory() as folder:
            try:
                counts += one(
                    options.dialect, options.kind, seed, Path(folder), worst, double=options.double
                )
            except CrshareError as error:
                counts["FAILED"] += 1
                print(f"seed {seed}: {error}", flush=True)
    print(json.dumps({"dialect": options.dialect, "kind": options.kind, **counts, **worst}))
    for name, count in counts.items():
        print(f"{options.dialect:10} {name:28} {count:>14,}")
    for name, value in worst.items():
        print(f"{options.dialect:10} {'greatest ' + name:28} {value:>14.2g}")
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
