"""Model files of other kinds, told by name or first bytes: each has a sentence with the way in."""

from dataclasses import dataclass
from pathlib import Path

from crshare.errors import ModelFormatError

PYTORCH = (
    "is a file of PyTorch, which holds Python objects and no graph; where the network was trained, "
    "export it as QONNX or with torch.onnx.export(model, example, '{stem}.onnx'), and name that "
    "(docs/pytorch.md)"
)
TENSORS = (
    "holds weights alone, without the layers that they belong to; save the whole model where it "
    "was trained: as .h5 or .keras, or exported as .onnx (docs/pytorch.md)"
)
LITE = (
    "is a file of TensorFlow Lite, made for one runtime, whose weights are packed; name the model "
    "that it was converted from: model.save('{stem}.h5')"
)
GRAPH = (
    "is a graph of TensorFlow, from which no layer can be had; save the model itself where it was "
    "trained: model.save('{stem}.h5')"
)
CHECKPOINT = (
    "is a checkpoint of TensorFlow, weights without layers; load it into its model where it was "
    "trained, and save that whole: model.save('{stem}.h5')"
)


@dataclass(frozen=True, slots=True)
class Foreign:
    """endings: of names. marks: bytes at a place in the file."""

    sentence: str
    endings: tuple[str, ...]
    marks: tuple[tuple[int, bytes], ...] = ()

    def is_it(self, path: Path, content: bytes) -> bool:
        begins = (content[at : at + len(mark)] == mark for at, mark in self.marks)
        return path.name.lower().endswith(self.endings) or any(begins)


KINDS = (
    Foreign(PYTORCH, (".pt", ".pth", ".torch"), ((30, b"archive/data.pkl"), (0, b"\x80\x02\x8a"))),
    Foreign(LITE, (".tflite", ".lite"), ((4, b"TFL3"),)),
    Foreign(GRAPH, (".pb", ".pbtxt")),
    Foreign(CHECKPOINT, (".ckpt", ".index", ".data-00000-of-00001")),
    Foreign(TENSORS, (".safetensors",)),
)


def refuse_foreign(path: Path, content: bytes) -> None:
    """ModelFormatError where the file is of one of these kinds."""
    for kind in KINDS:
        if kind.is_it(path, content):
            raise ModelFormatError(f"{path}: {kind.sentence.format(stem=path.stem)}")
