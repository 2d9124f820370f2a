"""Generated models of each real library, in every container it writes, bit for bit.

A few of what scripts/roundtrip.py makes by the hundred, in the process that tests share. It
computes in float64, so that no bit may differ but where the exact value before a sign is zero, or
so near that 53 bits do not tell.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from crshare.errors import ModelFormatError
from crshare.model.read import read_model
from tests.library_process import InLibrary


def roundtrip(in_library: InLibrary, dialect: str, n: int, *, files_of_a_model: int) -> None:
    words = [dialect, str(n), "--double"]
    code, said = in_library("tests.library_process", "printed", "scripts.roundtrip", "main", words)
    assert code == 0, said[-3000:]
    lines = [line.split() for line in said.splitlines() if line.startswith(f"{dialect} ")]
    counts = {" ".join(line[1:-1]): float(line[-1].replace(",", "")) for line in lines}
    assert counts["models"] == n
    files = sum(count for name, count in counts.items() if name.startswith("."))
    assert files == files_of_a_model * n
    assert counts["images"] == 20 * files
    for behind in ("integers", "reals"):
        n_bits, n_different = (
            counts.get(f"{kind} on {behind}", 0) for kind in ("bits", "different bits")
        )
        assert n_different <= n_bits / 1000
    assert counts["greatest margin of a bit"] <= 1 and counts["greatest error of a score"] < 1e-3


@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
def test_larq_models_agree(in_library: InLibrary) -> None:
    roundtrip(in_library, "larq", 2, files_of_a_model=5)


@pytest.mark.needs_package("tensorflow", "keras")
def test_keras_3_models_agree(in_library: InLibrary) -> None:
    roundtrip(in_library, "keras", 2, files_of_a_model=3)


@pytest.mark.needs_package("tensorflow", "tf_keras")
def test_binarynet_models_agree(in_library: InLibrary) -> None:
    roundtrip(in_library, "binarynet", 2, files_of_a_model=4)


@pytest.mark.needs_package("qkeras")
def test_qkeras_models_agree(in_library: InLibrary) -> None:
    roundtrip(in_library, "qkeras", 4, files_of_a_model=4)


@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
def test_the_command_that_refuses_a_saved_model_converts_it(
    in_library: InLibrary, tmp_path: Path
) -> None:
    in_library("tests.library_models", "save_folder", 3, tmp_path)
    with pytest.raises(ModelFormatError) as error:
        read_model(tmp_path / "m")
    _, _, command = str(error.value).partition("where it was trained: python -c ")
    subprocess.run([sys.executable, "-c", command.strip('"')], cwd=tmp_path, check=True)
    one, other = (read_model(tmp_path / name) for name in ("m.h5", "direct.h5"))
    assert one.weights_hash == other.weights_hash
