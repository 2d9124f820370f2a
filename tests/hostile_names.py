"""Names that attack whoever shows them, and a model whose layers carry them."""

import json
from pathlib import Path

import numpy as np

from tests.keras_files import (
    Dialect,
    Spec,
    batch_norm,
    conv,
    dense,
    flatten,
    model_config,
    numbered_weights,
    signs,
)

CONTROLS = [chr(code) for code in (*range(32), *range(127, 160))]
UNSEEN = [chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x200D, 0x2028)]
UNSEEN += [chr(c) for c in (0x2029, 0xFEFF, 0x00AD, 0x3164, 0x2800, 0xE0041, 0xFFFF, 0xE000)]
SURROGATES = ["\ud800", "\udc80", "\udfff\ud800"]
SEQUENCES = [
    "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]52;c;cm0gLXJm\x07", "\x9b31m", "\r\x1b[K",
    "\x08" * 9, "one\ncrshare: forged", "one\r\nforged", "\x0bforged", "\x85forged",
]  # fmt: skip
MARKUP = ["[/red]", "[bold]b[/bold]", "[link=file:///x]y[/link]", "[/", ":smile:", "\\[x]", "[]"]
HTML = ["<script>alert(1)</script>", "\"onload='x'", "</title><b>", "&lt;", "]]>", "--><i>", "`a`"]
NAMES = [
    *(f"a{odd}b" for odd in (*CONTROLS, *UNSEEN, *SURROGATES)),
    *SEQUENCES, *MARKUP, *HTML, "n" * 10_000,
]  # fmt: skip


def hostile_model(folder: Path, start: int = 0) -> Path:
    """Three layers with binary weights, between others, under the names from `start` on."""
    names = [NAMES[(start + n) % len(NAMES)].replace("/", "|") for n in range(6)]
    names = [f"{name}{n}" for n, name in enumerate(names)]
    rng = np.random.default_rng(1)
    layers: list[Spec] = [
        conv(names[0], signs(rng, 3, 3, 1, 4), input_quantizer=None),
        batch_norm(names[1], rng.integers(-9, 9, 4)),
        conv(names[2], signs(rng, 3, 3, 4, 4)),
        batch_norm(names[3], rng.integers(-3, 3, 4)),
        flatten(names[4]),
        dense(names[5], signs(rng, 16, 3)),
    ]
    path = folder / "hostile.json"
    path.write_text(json.dumps(model_config(layers, (6, 6, 1), functional=True)))
    (folder / "hostile.weights.h5").write_bytes(numbered_weights(layers, Dialect.TF_KERAS))
    return path
