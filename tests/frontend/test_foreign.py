"""Files of other kinds: each is refused with its own sentence, which names the way in."""

from pathlib import Path

import pytest

from crshare.errors import ModelFormatError
from crshare.frontend.foreign import CHECKPOINT, GRAPH, LITE, PYTORCH, TENSORS
from crshare.model.read import read_network

TORCH_ZIP = b"PK\x03\x04" + bytes(26) + b"archive/data.pkl"
CASES = [
    ("net.pt", b"", PYTORCH),
    ("net.PTH", TORCH_ZIP, PYTORCH),
    ("net.bin", TORCH_ZIP, PYTORCH),
    ("net.tflite", b"", LITE),
    ("net", b"\x1c\0\0\0TFL3", LITE),
    ("net.pb", b"\x08\x01", GRAPH),
    ("net.ckpt", b"x", CHECKPOINT),
    ("net.index", b"x", CHECKPOINT),
    ("net.safetensors", b"{}", TENSORS),
]


@pytest.mark.parametrize(("name", "content", "sentence"), CASES)
def test_a_file_of_another_kind_is_told(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == f"{path}: {sentence.format(stem=path.stem)}"


def test_of_a_folder_a_model_in_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for name in ("b.h5", "a.keras", "readme.txt"):
        (tmp_path / "run" / name).touch()
    with pytest.raises(ModelFormatError) as error:
        read_network(tmp_path / "run")
    assert (
        str(error.value) == f"{tmp_path / 'run'}: is a folder; name a model in it, as run/a.keras"
    )
