"""Small files of the kinds that people have: what is read of each, and whether it is right.

    python scripts/field_cases.py SHARED            reads, and compares with the library's classes
    python scripts/field_cases.py SHARED --verify   runs `crshare verify` on each as well
    python scripts/field_cases.py SHARED --verilog  `generate --verify` on the names of Verilog

SHARED/cases holds folders with models and data; the labels of most data are the classes that the
model's own library gave when it was made, so that agreement tells whether a file is read right.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import crshare
from crshare.cli.arguments import rescaling
from crshare.errors import CrshareError
from crshare.executor.execute import compile_network

SIGNS = "--sign-layer Sign --sign-layer BinConv2D --sign-layer BinDense"
OWN = "--sign-layer Sign --sign-layer BinaryConv2D --sign-layer BinaryDense"
UNIT = "--rescale 1/255,0"


@dataclass(frozen=True)
class Case:
    """A model of a folder, its data, and what is said beside it. own: whether the labels are the
    library's classes."""

    folder: str
    model: str
    data: str = ""
    said: str = ""
    own: bool = True


CASES = (
    Case("custom_weight_quantizer", "m.h5", "m.npz"),
    Case("custom_weight_quantizer", "m.h5", "m.npz", "--layer xnor_weight_scale=scaled-sign"),
    *(Case("data_forms", "flat2d.h5", f"a_{form}.npz") for form in ("keras", "n1", "onehot")),
    Case("data_forms", "flat2d.h5", "a_names.npz"),
    *(Case("data_forms", "rows.h5", f"b_{form}.npz") for form in ("keras", "images", "images4")),
    *(Case("dingke_mlp", f"{n}.h5", f"{n}.npz", UNIT) for n in ("mlp_list", "mlp_plain")),
    *(Case("dingke_mlp", f"{n}.h5", f"{n}.npz", UNIT) for n in ("cnn", "cnn_last", "cnn_bias")),
    Case("dingke_mlp", "mlp.h5", "mlp.npz", UNIT),
    Case("dingke_mlp", "mlp.h5", "mlp.npz", f"{UNIT} --sign-layer DropoutNoScale"),
    Case("dingke_mlp", "mlp.h5", "mlp.npz", f"{UNIT} --layer DropoutNoScale=identity"),
    *(
        Case("hls4ml_examples", f"{name}.json", "rows.npz", "--features", own=False)
        for name in (
            *("KERAS_3layer_binary_smaller", "KERAS_3layer_binarydense_relu_max"),
            *("keras_bnn", "keras_bnn32", "patched"),
        )
    ),
    Case(
        "hls4ml_examples",
        "KERAS_3layer_binarydense_relu_max.json",
        "rows.npz",
        "--features --layer relu1=clip-0-1",
        own=False,
    ),
    Case("hls4ml_examples", "qkeras-v3_3layer.keras", "rows.npz", "--features", own=False),
    *(Case("keras3", f"{n}.keras", f"{n}.npz", "--sign-layer Sign") for n in ("tinybnn", "Custom")),
    *(
        Case("keras3", f"{name}.{kind}", f"{name}.npz", SIGNS)
        for name in ("addl", "flat", "ops", "plus")
        for kind in ("keras", "h5")
    ),
    *(Case("namesake", f"{n}.h5", f"{n}.npz", "--sign-layer Sign") for n in ("scaled", "ties")),
    Case("namesake", "ties.h5", "ties.npz", OWN),
    *(Case("nested", f"m.{kind}", "m.npz") for kind in ("h5", "keras")),
    *(Case("plus_add", f"m.{kind}", "m.npz") for kind in ("h5", "keras")),
    *(Case("qkeras_v3", f"m.{kind}", "m.npz") for kind in ("h5", "keras")),
    *(Case("reshape", f"{n}.h5", f"{n}.npz") for n in ("first", "flat", "gmp", "pad", "pool")),
    Case("subclass", "m.h5", "m.npz"),
    Case("verify_rescale", "small.h5", "small.npz", "--rescale 1/127.5,-1"),
    Case("weights_internal_sign", "m.h5", "m.npz"),
    Case("weights_internal_sign", "m.h5", "m.npz", "--layer BinaryNetConv2D=signs-input"),
    *(Case("weights_only", name) for name in ("w.h5", "w.weights.h5", "ckpt.index", "model.json")),
    *(Case("weights_only", name) for name in ("arch.json", "config.json", "getconfig.json")),
)


def found(case: Case, cases: Path) -> str:
    """What reading says, or of how many images the class is the library's."""
    words = shlex.split(case.said)
    given = [(words[i], words[i + 1]) for i in range(len(words) - 1) if words[i].startswith("--")]
    pairs = [value.split("=") for option, value in given if option == "--layer"]
    scales = [value for option, value in given if option == "--rescale"]
    try:
        model = crshare.load(
            cases / case.folder / case.model,
            sign_layers=[value for option, value in given if option == "--sign-layer"],
            layers={name: meaning for name, meaning in pairs},
            rescale=rescaling(scales[0]) if scales else None,
            features="--features" in words,
        )
        if not case.data:
            return "read"
        images = crshare.load_images(model, cases / case.folder / case.data)
    except CrshareError as error:
        return str(error).replace(f"{cases / case.folder}/", "")
    if not case.own:
        return "read"
    classes = compile_network(model.network).classify(images.images)
    return f"read; the library's class on {(classes == images.labels).sum()} of {len(images)}"


def verified(case: Case, cases: Path) -> str:
    folder = cases / case.folder
    asked = ["verify", str(folder / case.model), "--data", str(folder / case.data)]
    done = subprocess.run(
        [sys.executable, "-m", "crshare", *asked, *shlex.split(case.said)],
        capture_output=True,
        text=True,
        check=False,
    )
    last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-1]
    return last.replace(f"{folder}/", "")


def verilog(cases: Path) -> int:
    """Designs of all names, each simulated; how many do not pass."""
    n_failed = 0
    for path in sorted((cases / "verilog_names").glob("*.h5")):
        with tempfile.TemporaryDirectory() as folder:
            words = ["generate", str(path), "-o", f"{folder}/rtl", "--verify"]
            done = subprocess.run(
                [sys.executable, "-m", "crshare", *words],
                capture_output=True,
                text=True,
                check=False,
            )
        said = [line for line in (done.stdout + done.stderr).splitlines() if "PASS" in line]
        n_failed += done.returncode != 0
        print(f"{path.name}: exit {done.returncode}; {said[-1].strip() if said else '-'}")
    return n_failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--verilog", action="store_true")
    given = parser.parse_args()
    cases = given.shared / "cases"
    if given.verilog:
        return int(verilog(cases) > 0)
    for case in CASES:
        said = f" {case.said}" if case.said else ""
        told = found(case, cases)
        print(f"{case.folder}/{case.model}{said} ({case.data or 'no data'}): {told}", flush=True)
        if given.verify and told.startswith("read") and case.data:
            print(f"    {verified(case, cases)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
