"""Brevitas's example networks as QONNX files, untrained: seeded weights and normalisations.

    pip install brevitas onnx onnxoptimizer onnxscript   (in an environment of its own)
    python scripts/export_brevitas.py OUT                     all
    python scripts/export_brevitas.py OUT sfc_1w1a cnv_1w2a   some

Writes OUT/NAME.onnx for each and OUT/mnist.npz and OUT/cifar10.npz, 500 random images of either
size, so that the files can be read, verified, planned and simulated where crshare is:

    crshare verify OUT/cnv_1w1a.onnx --rescale 1/256,0 --data OUT/cifar10.npz --images 500
    python scripts/simulate_networks.py --model OUT/cnv_1w1a.onnx --rescale 1/256,0 --clocks 9130 \\
        --data OUT/cifar10.npz --images 3
"""

import argparse
from pathlib import Path

import numpy as np

try:
    import torch
    from brevitas.export import export_qonnx
    from brevitas_examples.bnn_pynq.models import model_with_cfg
    from torch import nn
except ImportError as error:
    raise SystemExit(
        f"{error}; in an environment of its own, pip install brevitas onnx onnxoptimizer onnxscript"
    ) from None

NAMES = (
    *("tfc_1w1a", "sfc_1w1a", "lfc_1w1a", "cnv_1w1a"),
    *("tfc_1w2a", "sfc_1w2a", "lfc_1w2a", "cnv_1w2a"),
)
SIZES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
N_IMAGES = 500
N_BATCHES, BATCH = 8, 32  # that the normalisations are measured on


def images_of(network: str) -> str:
    return "cifar10" if network.startswith("cnv") else "mnist"


def made(name: str, seed: int) -> nn.Module:
    """A network of seeded weights, whose normalisations fit random images and turn some signs."""
    torch.manual_seed(seed)
    network: nn.Module = model_with_cfg(name, pretrained=False)[0]
    network.train()
    with torch.no_grad():
        for _ in range(N_BATCHES):
            network(torch.rand(BATCH, *SIZES[images_of(name)]))
        for part in network.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                turned = torch.where(torch.rand_like(part.weight) < 0.3, -1.0, 1.0)
                part.weight.copy_(turned * (0.3 + torch.rand_like(part.weight)))
                part.bias.uniform_(-0.5, 0.5)
    return network.eval()


def write_images(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name, (channels, height, width) in SIZES.items():
        shape = (N_IMAGES, height, width, channels)
        images = rng.integers(0, 256, shape, dtype=np.uint8)
        np.savez(folder / f"{name}.npz", images=images, labels=rng.integers(0, 10, N_IMAGES))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_images(arguments.out)
    for name in arguments.names or NAMES:
        path = arguments.out / f"{name}.onnx"
        given = torch.rand(1, *SIZES[images_of(name)])
        export_qonnx(made(name, arguments.seed), args=given, export_path=str(path))
        print(f"{path}: {path.stat().st_size:,} bytes", flush=True)


if __name__ == "__main__":
    main()
