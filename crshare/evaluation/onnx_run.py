"""An ONNX model run by onnxruntime: the values that enter its weights, and its scores.

onnxruntime gets a blueprint of what crshare has read, in the sandbox; never the file.
"""

from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from crshare.arrays import Array
from crshare.errors import CrshareError
from crshare.evaluation.onnx_blueprint import blueprint_of
from crshare.frontend.onnx.reader import Entered
from crshare.model.read import Model
from crshare.sandbox.call import Limits, call
from crshare.sandbox.process import SandboxError

RUNNER = "crshare.evaluation.onnx_runner:outputs"
MEMORY_BYTES = 2**36  # of addresses
START_S, IMAGE_S = 120, 2


class OnnxRunError(CrshareError):
    """onnxruntime is missing, or cannot run what it is given."""


def run_onnx(model: Model, images: Array, names: list[str]) -> tuple[dict[str, Array], Array]:
    """As train.running.run: what enters the weights of the named nodes, as multiples of its unit
    (of bits, +1 or -1), and the scores, for integer images [n, h, w, c]."""
    graph = model.onnx
    if graph is None:
        raise OnnxRunError(f"{model.path}: is no ONNX file; verify it with the extra train")
    if find_spec("onnxruntime") is None:
        raise OnnxRunError(
            f"{model.path}: running it needs onnxruntime, which is not installed; try pip install "
            '"crshare[onnx]"'
        )
    entered = [graph.entered[name] for name in names]
    try:
        asked = blueprint_of(graph, [each.tensor for each in entered], sorted(model.sign_layers))
        asked["images"] = _ordered(_rescaled(model, images), graph.images)
        *found, scores = _called(asked, START_S + IMAGE_S * len(images))
    except SandboxError as error:
        raise OnnxRunError(f"{model.path}: onnxruntime cannot run it ({error})") from error
    except CrshareError as error:
        raise OnnxRunError(f"{model.path}: {error}") from error
    units = [_units(each, values) for each, values in zip(entered, found, strict=True)]
    return dict(zip(names, units, strict=True)), scores


def _called(asked: dict[str, Any], seconds: int) -> Any:
    with TemporaryDirectory() as folder:
        limits = Limits(MEMORY_BYTES, 4 * seconds, seconds, True, folder, written_bytes=2**20)
        return call(RUNNER, asked, limits, fresh=True)


def _rescaled(model: Model, images: Array) -> Array:
    """What the model expects of its caller, in float32."""
    scale, offset = model.rescale or (1, 0)
    return (images * float(scale) + float(offset)).astype(np.float32)


def _ordered(images: Array, places: Array) -> Array:
    """[n, values] in the order of the graph's input."""
    return images.reshape(len(images), -1)[:, places.reshape(-1)]


def _units(entered: Entered, values: Array) -> Array:
    """What a tensor holds in units of its map and its order; what a Pad added is left out."""
    at = entered.map.at.reshape(-1)
    within = at >= 0
    scale, offset = float(entered.map.scale), float(entered.map.offset)
    units = np.zeros((len(values), entered.map.size))
    units[:, at[within]] = np.rint((values[:, within] - offset) / (scale or 1.0))
    return units
