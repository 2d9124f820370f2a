"""The embedded example: found, intact, described, and as accurate as Keras says."""

import json
import re
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from crshare.errors import CrshareError
from crshare.executor.execute import compile_network
from crshare.images import digits
from crshare.images.digits import demo_images, demo_model
from crshare.images.image_set import load_images
from crshare.model.read import read_model
from tests.keras_run import Case
from tests.library_process import InLibrary

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
needs_digits = pytest.mark.needs_package("sklearn")


def test_the_checkout_has_the_model() -> None:
    assert demo_model() == DATA / "digits_bnn.h5"
    assert demo_model().stat().st_size < 300_000


def test_the_readme_of_the_data_names_every_file_and_its_sum() -> None:
    text = (DATA / "README.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^\| `(\S+)` \| `([0-9a-f]{64})` \|", text, re.MULTILINE))
    files = [path for path in DATA.iterdir() if path.name != "README.md"]
    assert named == {path.name: sha256(path.read_bytes()).hexdigest() for path in files}


def papers_networks() -> list[tuple[str, str, int]]:
    """Of the README's table: the network, its test images, and how many of them it gets right."""
    text = (DATA / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\S+)` \| `(\S+\.npz)` \| ([\d,]+) of", text, re.MULTILINE)
    return [(name, images, int(right.replace(",", ""))) for name, images, right in rows]


def test_every_network_that_was_trained_here_comes_with_what_made_it() -> None:
    names = {path.stem for path in DATA.glob("*.json")}
    assert {name for name, _, _ in papers_networks()} == names - {"turned-digits"}
    for name in names:
        made = json.loads((DATA / f"{name}.json").read_text("utf-8"))
        assert made["command"].startswith(f"crshare train {name} --data ")
        assert made["recipe"] == name
        assert made["best"] == max(made["curve"], key=lambda entry: entry["held_out"])


@pytest.mark.needs_shared("data/cifar10_test.npz", "data/mnist_test.npz")
@pytest.mark.parametrize(("name", "images", "right"), papers_networks())
def test_a_network_of_the_papers_is_as_accurate_as_the_readme_says(
    name: str, images: str, right: int
) -> None:
    """All 10,000 images; of the slowest networks a fifth, within three standard errors."""
    (path,) = (DATA / f"{name}{end}" for end in (".h5", ".npz") if (DATA / f"{name}{end}").exists())
    network = read_model(path).network
    given = load_images(ROOT.parent / "shared" / "data" / images, network)
    share, slack = right / len(given), 0.0
    if name in ("binarynet-cifar10", "blendnet20", "lutnet-cifar10"):
        given = given.take(slice(0, None, 5), "a fifth")
        slack = 3 * (share * (1 - share) / len(given)) ** 0.5
    found = (compile_network(network).classify(given.images) == given.labels).mean()
    assert abs(found - share) <= slack


def test_an_installed_model_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel puts the file below share/, and pip's record tells where that is."""
    model = tmp_path / "share" / "crshare" / digits.MODEL
    model.parent.mkdir(parents=True)
    model.write_bytes(b"")
    packages = tmp_path / "lib" / "site-packages"
    record = packages / "crshare-9.dist-info" / "RECORD"
    record.parent.mkdir(parents=True)
    record.write_text(f"../../share/crshare/{digits.MODEL},,\n")
    monkeypatch.syspath_prepend(packages)
    monkeypatch.setattr(digits, "__file__", str(packages / "crshare" / "images" / "digits.py"))
    assert demo_model().resolve() == model.resolve()


def test_a_missing_model_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "MODEL", "gone.h5")
    monkeypatch.setattr(digits, "__file__", str(tmp_path / "crshare" / "images" / "digits.py"))
    with pytest.raises(CrshareError) as caught:
        demo_model()
    assert str(caught.value) == (
        f"the example model gone.h5 is neither in {tmp_path / 'data'} nor installed; "
        "install crshare anew, or name a model of your own"
    )


def test_missing_scikit_learn_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(CrshareError) as caught:
        demo_images()
    assert str(caught.value) == (
        "the example images come with scikit-learn, which is not installed; "
        'try pip install "crshare[demo]", or name a model and images of your own'
    )


@needs_digits
def test_the_parts_share_no_image() -> None:
    parts = digits.digits()
    sizes = [len(part) for part in (parts.training, parts.calibration, parts.test)]
    given = digits.N_TRAINING + digits.N_CALIBRATION
    assert sizes == [digits.N_TRAINING, digits.N_CALIBRATION, 1797 - given]
    every = [
        image.tobytes()
        for part in (parts.training, parts.calibration, parts.test)
        for image in part.images
    ]
    assert len(set(every)) == 1797
    assert parts.test.images.dtype == np.uint8
    assert (parts.test.images.min(), parts.test.images.max()) == (0, 16)


@needs_digits
def test_the_model_is_at_least_96_per_cent_accurate() -> None:
    _, test = demo_images()
    executor = compile_network(read_model(demo_model()).network)
    assert (executor.classify(test.images) == test.labels).mean() >= 0.96


@needs_digits
@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
def test_keras_gives_every_image_the_same_class(in_library: InLibrary, tmp_path: Path) -> None:
    _, test = demo_images()
    case = Case(demo_model(), tmp_path / "images.npy", tmp_path / "out.npz")
    np.save(case.images, test.images)
    in_library("tests.keras_run", "run_cases", "larq", [case], False)
    with np.load(case.out) as outputs:
        theirs = outputs["scores"].argmax(axis=1)
    executor = compile_network(read_model(demo_model()).network)
    np.testing.assert_array_equal(executor.classify(test.images), theirs)
