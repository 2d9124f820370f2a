"""One sentence for each layer, weight and topology that crshare does not read."""

from pathlib import Path

import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.frontend.registry import CLASSES
from crshare.model.read import read_model, read_network
from crshare.network.graph import alike
from crshare.thresholds.layer_ops import Storage
from tests.keras_files import (
    Spec,
    activation,
    average,
    batch_norm,
    conv,
    flatten,
    pool,
    rescaling,
)
from tests.small_model import (
    DAMAGED,
    K1,
    K2,
    REAL,
    RESAVE,
    first,
    refusal,
    small,
)

READ = ", ".join(CLASSES)
NO_FLOAT32 = "holds NaN, infinity or more than float32 can; train the model again"

LAYER_REFUSALS: list[tuple[list[Spec], str]] = [
    (
        [conv("c1", K1, kind="BinaryConv2D"), *small()[1:]],
        "layer c1 is of class BinaryConv2D without H, which BinaryNet's layers always have, so it "
        "is another class of that name, whose code crshare does not run; if it is Keras's layer "
        "with +1 for weights >= 0 and else -1, say so with --sign-layer BinaryConv2D",
    ),
    (
        [*small()[:6], Spec("BinaryDense", "d", {"units": 3})],
        "layer d is of class BinaryDense without H, which BinaryNet's layers always have, so it is "
        "another class of that name; if it gives +1 for values >= 0 and else -1, say so with "
        "--sign-layer BinaryDense",
    ),
    (
        small(kernel_quantizer="ste_tern"),
        "layer c2 has ternary weights (kernel_quantizer 'ste_tern'); crshare reads +1/-1 weights "
        "only; train this layer with kernel_quantizer 'ste_sign'",
    ),
    (
        small(kernel_quantizer={"class_name": "DoReFaQuantizer", "config": {"k_bit": 2}}),
        "layer c2 has weights that are not +1/-1 (kernel_quantizer 'DoReFaQuantizer'); crshare "
        "reads +1/-1 weights only; train this layer with kernel_quantizer 'ste_sign'",
    ),
    (
        small(input_quantizer="own_quantizer"),
        "layer c2 has input_quantizer 'own_quantizer'; crshare reads inputs of +1/-1 only: "
        "train this layer with input_quantizer 'ste_sign'",
    ),
    (
        small(kernel_quantizer=[1]),
        f"layer c2 has kernel_quantizer [1], which is no name of a function; {DAMAGED}",
    ),
    (
        first(groups=3),
        "layer c1 has 4 filters for 3 groups, which do not divide them",
    ),
    (
        first(groups=0),
        f"layer c1 has groups 0, where a positive integer should stand; {DAMAGED}",
    ),
    (
        first(padding="causal"),
        "layer c1 has padding 'causal'; crshare reads 'valid' and 'same'",
    ),
    (
        first(strides=[0, 1]),
        "layer c1 has strides [0, 1], where two positive integers should stand; " + DAMAGED,
    ),
    (
        first(filters="four"),
        "layer c1 has filters 'four', where a positive integer should stand; " + DAMAGED,
    ),
    (
        first(use_bias=1),
        "layer c1 has use_bias 1, where true or false should stand; " + DAMAGED,
    ),
    (
        first(padding="same", pad_values=0.5),
        "layer c1 pads with 0.5, which is no value that its input can take; train it with "
        "pad_values 0, 1 or -1",
    ),
    (
        [rescaling(2 / 255, 0.0), *first(padding="same", pad_values=1.0)],
        "layer c1 pads with 1, which is no value that its input can take; train it with pad_values "
        "0, 1 or -1",
    ),
    (
        small(padding="same", pad_values=2.0),
        "layer c2 pads with 2, which is no value that its input can take; train it with pad_values "
        "0, 1 or -1",
    ),
    (
        first(filters=5),
        "layer c1 has a weight 'kernel' of shape [3, 3, 2, 4], where its configuration asks for "
        f"[3, 3, any, 5]; {DAMAGED}",
    ),
    (
        [conv("c1", K2, input_quantizer=None)],
        "layer c1: expects 4 input channels, and gets 2",
    ),
    (
        first(use_bias=True),
        f"layer c1 has no weight 'bias' in the file; {RESAVE.replace('model', 'trained model', 1)}",
    ),
    (
        [conv("c1", K1, bias=np.ones(4), use_bias=False, input_quantizer=None)],
        "layer c1 (QuantConv2D) holds a weight 'bias' that its configuration does not ask for; "
        + DAMAGED,
    ),
    (
        [conv("c1", np.where(K1 > 0, K1, np.nan), input_quantizer=None)],
        f"layer c1 has a weight 'kernel' that {NO_FLOAT32}",
    ),
    (
        [
            *first(),
            Spec(
                "QConv2D",
                "q",
                {
                    "filters": 4,
                    "kernel_size": [3, 3],
                    "kernel_quantizer": "binary(alpha='auto_po2')",
                },
                {"kernel": np.full((3, 3, 4, 4), 1e300)},
            ),
        ],
        f"layer q has a weight 'kernel' that {NO_FLOAT32}",
    ),
    (
        [*first(), batch_norm("b1", [0, np.inf, 0, 0])],
        f"layer b1 has a weight 'moving_mean' that {NO_FLOAT32}",
    ),
    (
        [*first(), batch_norm("b1", np.zeros(4), -0.5)],
        "layer b1 has a variance that is not positive; train the model again",
    ),
    (
        [*first(), batch_norm("b1", np.zeros(3))],
        f"layer b1 holds values for 3 channels, and gets 4; {DAMAGED}",
    ),
    (
        [*first(), batch_norm("b1", np.zeros(4), axis=[1])],
        "layer b1 normalises axis [1]; crshare reads the last axis, the channels",
    ),
    (
        [*first(), Spec("UpSampling2D", "up")],
        f"layer up is of class UpSampling2D, which is not read yet; crshare reads {READ}; if it "
        "changes nothing when the model is run, say so with --layer UpSampling2D=identity, or if "
        "it gives +1 for values >= 0 and else -1, with --sign-layer UpSampling2D",
    ),
    (
        first(kind="OwnConv2D"),
        f"layer c1 is of class OwnConv2D, which is not read yet; crshare reads {READ}; if it is "
        "Keras's layer with +1 for weights >= 0 and else -1, say so with --sign-layer OwnConv2D, "
        "or if it takes the signs of its input too, with --layer OwnConv2D=signs-input",
    ),
    (
        [*first(), average("p", 3, padding="same")],
        "layer p averages windows that reach out of the map, which is not read; train it with "
        "padding 'valid'",
    ),
    (
        [*first(), Spec("PReLU", "p", {}, {"alpha": np.arange(64.0).reshape(4, 4, 4)})],
        "layer p has slopes that differ by position, which is not read; train it with shared_axes "
        "[1, 2]",
    ),
    (
        [*first(), Spec("PReLU", "p", {}, {"alpha": np.ones((1, 1, 3))})],
        f"layer p holds values for 3 channels, and gets 4; {DAMAGED}",
    ),
    (
        [*first(), Spec("Concatenate", "join", {"axis": 1})],
        "layer join joins along axis 1; crshare reads the last, the channels",
    ),
    (
        [conv("c1", REAL, kind="Conv2D", dilation_rate=[4000, 4000], padding="same")],
        "layer c1 spans 8001x8001x2x4 weights with its groups and dilation, which is too large; "
        "build it smaller",
    ),
    (
        [*first(), Spec("Lambda", "code", {"function": ["4wEAAAA=", None, None]})],
        "layer code is a Lambda, which carries code, and crshare runs no code of a file; replace "
        "it by the layers it stands for, or if it changes nothing, say so with --layer "
        "code=identity",
    ),
    (
        [*first(), Spec("Sequential", "block", {"layers": []})],
        f"layer block has no list of layers; {DAMAGED}",
    ),
    (
        [*first(), activation("a", "selu"), batch_norm("b", np.zeros(4)), *small()[3:]],
        "layer a applies selu before further layers, which is not read; crshare reads it at the "
        "end",
    ),
    (
        [rescaling([1.0, 2.0, 3.0]), *first()],
        "layer rescaling has scale [1.0, 2.0, 3.0] and offset -1.0; crshare reads one number for "
        "each: rescale all channels alike",
    ),
    (
        [rescaling(0.0), *first()],
        "layer rescaling rescales every input to one value; mend its scale",
    ),
    (
        [rescaling(0.017124753831663668, -2.1179039301310043), *first()],
        "layer rescaling rescales by 0.017124753831663668 and -2.1179039301310043, which have no "
        "common unit of fair size; rescale with simple fractions such as 1/255",
    ),
    (
        [*first(), Spec("ReLU", "r", {"max_value": None, "threshold": 0.1})],
        "layer r is a ReLU with a threshold, which is not read; train it without",
    ),
    (
        [*first(dtype="mixed_float16")],
        "layer c1 computes in 'mixed_float16'; crshare reads models of float32 and float64: save "
        "it with that policy",
    ),
    (
        [*first(), Spec("Reshape", "r", {"target_shape": [4, 2, 8]})],
        "layer r reshapes maps of 4x4x4 to 4x2x8; crshare reads what flattens a map or adds axes "
        "of one entry, and any shape right behind the input",
    ),
    (
        [*first(), pool("p", 9)],
        "layer p: a window of 9x9 does not fit in a map of 4x4",
    ),
]


LAYER_REFUSALS += [
    (
        small(kernel_quantizer={"class_name": "function", "config": "own_scale"}),
        "layer c2 has weights that are not +1/-1 (kernel_quantizer 'own_scale'); crshare reads "
        "+1/-1 weights only; train this layer with kernel_quantizer 'ste_sign', or say what it "
        "computes: --layer own_scale=sign, own_scale=scaled-sign (times the mean of abs(w) of each "
        "filter) or own_scale=layer-scaled-sign",
    ),
    (
        [*first(data_format="channels_first"), pool("p")],
        "layer p has data_format 'channels_last' and reads maps with channels first; build the "
        "model with channels last",
    ),
    (
        [
            conv("c1", REAL, kind="Conv2D", activation="relu"),
            conv("c2", K2, input_quantizer=None),
        ],
        "the model's layers of +1/-1 weights read real numbers only, and crshare shares the "
        "results of those that read bits or integers; put a sign before them",
    ),
]
LAYER_REFUSALS += [
    (
        layers,
        "the model has no layer of +1/-1 weights, and crshare shares the results of such layers "
        "only; train it with Larq's QuantConv2D or QuantDense",
    )
    for layers in ([flatten()], [conv("c1", REAL, kind="Conv2D", activation="relu")])
]


@pytest.mark.parametrize(("layers", "sentence"), LAYER_REFUSALS, ids=lambda v: str(v)[:40])
def test_a_layer_that_cannot_be_read_is_refused(
    tmp_path: Path, layers: list[Spec], sentence: str
) -> None:
    assert refusal(tmp_path, layers) == sentence


def formats(name: str) -> Path:
    path = Path(__file__).parents[3] / "shared" / "models" / "formats" / name
    if not path.exists():
        pytest.skip(f"needs ../shared/models/formats/{name}")
    return path


FILE_REFUSALS: list[tuple[str, set[str], str]] = [
    (
        "plain_k3.h5",
        set(),
        "layer sg1 is of the custom class bnn>Sign; if it gives +1 for values >= 0 and else "
        "-1, say so with --sign-layer Sign",
    ),
    (
        "plain_k3.h5",
        {"Sign"},
        "layer bc3 is of the custom class bnn>BinConv2D, whose code crshare does not run; if "
        "it is Keras's layer with +1 for weights >= 0 and else -1, say so with --sign-layer "
        "BinConv2D",
    ),
    (
        "hgq2.keras",
        set(),
        "layer qc1 is HGQ2's QConv2D, whose weights are fixed-point numbers; none of HGQ2's "
        "widths is +1/-1, so crshare has nothing to share; train it with Larq or QKeras",
    ),
]


@pytest.mark.parametrize(("name", "sign_layers", "sentence"), FILE_REFUSALS)
def test_real_files_of_other_kinds_are_refused(
    name: str, sign_layers: set[str], sentence: str
) -> None:
    path = formats(name)
    with pytest.raises(ModelFormatError) as error:
        read_network(path, sign_layers=sign_layers)
    assert str(error.value) == f"{path}: {sentence}"


def test_latent_and_binarised_files_of_one_model_are_one_network() -> None:
    latent, binary = read_model(formats("larq_k2.h5")), read_model(formats("larq_k2_quantscope.h5"))
    assert latent.weights_hash == binary.weights_hash
    assert set(latent.storage.values()) == {Storage.LATENT}
    assert set(binary.storage.values()) == {Storage.BINARY}


@pytest.mark.parametrize(
    ("name", "sign_layers"),
    [("larq_k2", set()), ("plain_k3", {"Sign", "BinConv2D"}), ("qk_legacy", set())],
)
def test_a_model_is_the_same_network_in_an_archive(name: str, sign_layers: set[str]) -> None:
    whole = read_model(formats(f"{name}.h5"), sign_layers=sign_layers)
    archive = read_model(formats(f"{name}.keras"), sign_layers=sign_layers)
    assert whole.network.signals == archive.network.signals
    for one, other in zip(whole.network.layers, archive.network.layers, strict=True):
        assert alike(one.op, other.op), one.name
    assert whole.library == archive.library


def test_what_the_real_files_hold_beside_their_binary_layers() -> None:
    network = read_model(formats("larq_old.h5")).network
    assert network.layer("add").sources == ("batch_normalization", "quant_conv2d_1")
    linears = read_model(formats("qk_legacy.h5")).linears
    assert {name: linear.quantizer for name, linear in linears.items()} == {
        "qc1": "quantized_bits(bits=4, alpha=1.0)",
        "qc2": "binary(alpha=1.0, use_01=False)",
        "qc3": "binary(alpha='auto_po2', use_01=False)",
        "qd": "ternary(alpha=1.0)",
    }
