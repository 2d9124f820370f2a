"""Bringing a network to fixed point: what is asked for, formats that images choose, the loss."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import crshare
from crshare.cli import main
from crshare.errors import ArgumentError, NetworkError
from crshare.evaluation.fixed_point import Asked, asked, best_formats, in_fixed_point
from crshare.executor.execute import compile_network, outputs
from crshare.frontend.lut_container import write_lut_network
from crshare.images.image_set import ImageSet
from crshare.network.fixing import Format, rounded_at
from crshare.network.gathered_scales import gathered
from crshare.network.graph import INPUT, Conv, Kind, Layer, Network, Quantise
from tests.networks import random_blend, random_images

NETWORK = random_blend(7)


def labelled(network: Network, n: int, seed: int = 0) -> ImageSet:
    """Random images, three in four of the class that the network says."""
    rng = np.random.default_rng(seed)
    images = random_images(rng, network.input, n)
    labels = compile_network(network).classify(images)
    other = rng.random(n) < 0.25
    return ImageSet("drawn", images, np.where(other, (labels + 1) % 3, labels))


def test_what_is_asked_for() -> None:
    assert asked("4.4") == Asked(8, 4) and asked("8") == Asked(8) and asked("0.6") == Asked(6, 6)
    assert str(Asked(8, 4)) == "4.4" and str(Asked(6)) == "6 bits"
    for text in ("", ".", "4.", ".4", "1", "17", "12.8", "4.4.4", "-4.4", "4,4", "x", "٤"):
        with pytest.raises(ArgumentError) as refused:
            asked(text)
        assert str(refused.value) == (
            f"--fixed-point {text!r}: expected INTEGER.FRACTION bits such as 4.4, or all bits such "
            "as 8, 2 to 16 in all"
        )


def test_images_choose_the_format_of_least_error() -> None:
    network = gathered(NETWORK)
    names = rounded_at(network)
    images = random_images(np.random.default_rng(3), network.input, 70)
    found = best_formats(network, images, names, 6)
    values = outputs(network, images, names)
    for name in names:
        errors = {}
        for fraction in range(-10, 20):
            op = Format(6, fraction).quantise
            rounded = np.clip(op.unit * np.floor(values[name] / op.unit + 0.5), op.low, op.high)
            errors[fraction] = float(np.square(rounded - values[name]).sum())
        assert found[name] == Format(6, min(errors, key=lambda fraction: errors[fraction]))
    assert len({form.fraction for form in found.values()}) > 1


def test_images_that_choose_do_not_report() -> None:
    images = labelled(NETWORK, 40)
    chosen = in_fixed_point(NETWORK, Asked(8), images)
    given = in_fixed_point(NETWORK, Asked(8, 4), images)
    for found, n_images, name in ((chosen, 20, "all but 20 images of drawn"), (given, 40, "drawn")):
        assert found.accuracy is not None
        assert (found.accuracy.n_images, found.accuracy.images) == (n_images, name)
    assert in_fixed_point(NETWORK, Asked(8, 4), None).accuracy is None
    with pytest.raises(NetworkError, match="needs images that say where points stand"):
        in_fixed_point(NETWORK, Asked(8), None)


def test_the_loss_is_that_of_the_two_networks() -> None:
    images = labelled(NETWORK, 200)
    for text in ("4.4", "3.1"):
        found = in_fixed_point(NETWORK, asked(text), images, factor_bits=6)
        right = [
            int((compile_network(one).classify(images.images) == images.labels).sum())
            for one in (NETWORK, found.network)
        ]
        assert found.accuracy is not None
        assert [found.accuracy.n_right_before, found.accuracy.n_right_after] == right
    assert right[1] < right[0]


def test_from_python(tmp_path: Path) -> None:
    write_lut_network(NETWORK, tmp_path / "blend.npz")
    model, images = crshare.load(tmp_path / "blend.npz"), labelled(NETWORK, 60)
    found = crshare.to_fixed_point(model, tmp_path / "fixed.npz", bits="3.3", images=images)
    again = crshare.load(tmp_path / "fixed.npz").network
    assert [la.name for la in again.layers] == [la.name for la in found.network.layers]
    assert {str(form) for form in found.formats.values()} == {"3.3"}
    assert found.accuracy is not None and found.accuracy.n_images == 60
    with pytest.raises(NetworkError) as refused:
        crshare.to_fixed_point(model, tmp_path / "fixed.npz", bits="8")
    assert str(refused.value).startswith(f"{model.path}: needs images that say where")
    with pytest.raises(ArgumentError, match="factor_bits 40: expected a whole number from 2 to 16"):
        crshare.to_fixed_point(model, tmp_path / "fixed.npz", factor_bits=40)


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    write_lut_network(NETWORK, tmp_path / "blend.npz")
    images = labelled(NETWORK, 60)
    np.savez(tmp_path / "data.npz", images=images.images, labels=images.labels)
    return tmp_path / "blend.npz", tmp_path / "data.npz"


def test_the_command_writes_a_network_that_every_command_reads(files: tuple[Path, Path]) -> None:
    model, data = files
    target = model.with_name("fixed.npz")
    code, said, _ = run(
        "export", model, "--fixed-point", "4.4", "--data", data, "-o", target, "--json", "-"
    )
    assert code == 0
    document = json.loads(said)
    network = crshare.load(target).network
    assert document["layers"] == [layer.name for layer in network.layers]
    rounded = [la.name for la in network.layers if isinstance(la.op, Quantise)]
    assert [f"{name}/fixed" for name in document["formats"]] == rounded
    assert set(map(str, document["formats"].values())) == {str({"bits": 8, "fraction": 4})}
    assert document["accuracy"]["n_images"] == 60
    assert [kind for kind in network.signals.values() if kind.kind is Kind.REALS]
    code, said, _ = run("export", model, "--fixed-point", "8", "--data", data, "-o", target)
    assert code == 0
    assert f"Wrote{target}:" in "".join(said.split())
    assert "In fixed point, integer.fraction bits: " in said
    assert "Accuracy on all but 30 images of" in " ".join(said.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--data", "{data}"], "--data is for --fixed-point; give that too, or leave it out"),
        (["--factor-bits", 8], "--factor-bits is for --fixed-point; give that too, or leave it"),
        (["--fixed-point", "8"], "needs images that say where points stand; give some, or all"),
        (["--fixed-point", "44"], "--fixed-point '44': expected INTEGER.FRACTION bits such as"),
    ],
)
def test_refusals(files: tuple[Path, Path], words: list[object], sentence: str) -> None:
    given = [str(word).format(data=files[1]) for word in words]
    code, _, said = run("export", files[0], "-o", files[0].with_name("out.npz"), *given)
    assert code == 2 and sentence in " ".join(said.split())
    assert not files[0].with_name("out.npz").exists()


def test_a_network_without_reals_is_refused() -> None:
    bits = Network(NETWORK.input, (Layer("c", Conv(np.ones((1, 1, 3, 2), np.int8)), INPUT),))
    with pytest.raises(NetworkError, match="has no real values; it is in fixed point as it is"):
        in_fixed_point(bits, Asked(8, 4), None)
