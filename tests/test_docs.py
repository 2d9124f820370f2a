"""The pages of docs/: links lead somewhere, commands exist, pictures and the tour are of now."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from crshare.cli import main
from crshare.frontend.quantizers import snake_case
from crshare.frontend.registry import ACTIVATIONS, CLASSES, DIALECTS
from crshare.model.read import read_network
from crshare.network.slices import chance, decompose
from solver.adder_graph import build, measure
from tests.frontend.test_containers import REFUSED
from tests.frontend.test_hdf5 import CONTAINERS
from tests.frontend.test_refusals import FILE_REFUSALS, LAYER_REFUSALS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
NETWORK = re.compile(r"`[\w-]+`, [\d.]+ %$")


def script(name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, f"scripts/{name}", "--check"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_index_names_every_page() -> None:
    named = set(re.findall(r"\]\(([^)]+)\)", (DOCS / "index.md").read_text("utf-8")))
    pages = {page.name for page in DOCS.iterdir() if page.suffix in (".md", ".ipynb")}
    assert named == pages - {"index.md"}


def commands(page: Path) -> list[list[str]]:
    """The lines of a page's blocks that begin with crshare."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line.split("|")[0] for block in blocks for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("crshare ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    for words in commands(page):
        command = main.commands[words[1]]
        with click.Context(command, info_name=words[1], resilient_parsing=True) as context:
            _, left, _ = command.make_parser(context).parse_args(words[2:])
            assert left == [], f"{page.name}: {' '.join(words)}"


def test_the_command_table_is_whole() -> None:
    text = (DOCS / "command-line.md").read_text("utf-8")
    assert re.findall(r"^\| `crshare (\w+)", text, re.MULTILINE) == list(main.commands)


def test_the_table_of_chance_is_right() -> None:
    text = (DOCS / "measures.md").read_text("utf-8")
    rows = [line.split("|")[2:-1] for line in text.splitlines() if line.startswith("| share left")]
    sizes = [line.split("|")[2:-1] for line in text.splitlines() if line.startswith("| filters")]
    for size, figure in zip(sizes[0], rows[0], strict=True):
        assert f"{chance(int(size), 9, inverse=True):.3f}"[1:] == figure.strip()


def test_the_pictures_are_those_of_the_script() -> None:
    done = script("draw_docs.py")
    assert done.returncode == 0, f"run scripts/draw_docs.py: {done.stdout}{done.stderr}"


def test_the_schemas_are_those_of_the_classes() -> None:
    done = script("write_schemas.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_list_of_dependencies_is_whole() -> None:
    done = script("dependencies.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_exporting_from_pytorch_without_it_is_one_sentence() -> None:
    path = ROOT / "scripts" / "export_brevitas.py"
    code = f"import runpy, sys; sys.modules['torch'] = None; runpy.run_path({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "pip install brevitas" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.needs_package("sklearn")
def test_every_cell_of_the_tour_prints_what_it_shows() -> None:
    done = script("run_tour.py")
    assert done.returncode == 0, f"run scripts/run_tour.py: {done.stdout}{done.stderr}"


@pytest.mark.needs_shared("models/cnv_w1a1_cifar10.h5")
def test_the_comparison_claims_no_fewer_additions_than_we_find() -> None:
    text = " ".join((DOCS / "comparison.md").read_text("utf-8").split())
    claimed = re.search(
        r"adder_graph` finds ([\d,]+) additions or, built for that, ([\d,]+) full adders", text
    )
    assert claimed is not None
    network = read_network(SHARED / "models" / "cnv_w1a1_cifar10.h5")
    table = next(table for table in decompose(network) if table.layer == "conv2")
    weights = table.matrix.T.astype(np.int64)
    additions, full_adders = (int(figure.replace(",", "")) for figure in claimed.groups())
    assert measure(build(weights)).additions <= additions
    assert measure(build(weights, measure="full_adders")).full_adders <= full_adders


def rows(section: str) -> list[list[str]]:
    """The cells of the table in a section of formats.md, without its head."""
    text = (DOCS / "formats.md").read_text("utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_formats_name_every_layer_that_is_read() -> None:
    named = {
        name for row in rows("Layers that are read") for name in re.findall(r"`([A-Z]\w+)`", row[0])
    }
    assert named == set(CLASSES)


def test_the_formats_name_every_quantiser_and_function() -> None:
    named = {
        snake_case(name)
        for row in rows("Quantisers and signs")
        for name in re.findall(r"`(\w+)`", row[0])
    }
    known = ACTIVATIONS.keys() | {name for dialect in DIALECTS for name in dialect.quantizers}
    nothing = {"linear", "no_op", "no_op_quantizer"}
    other_spellings = {"dorefa_quantizer", "do_re_fa_quantizer"}
    assert named - {"k_bit"} == known - nothing - other_spellings


def test_refusals_of_the_formats_are_those_that_are_tested() -> None:
    tested = {sentence for _, sentence in (*LAYER_REFUSALS, *CONTAINERS, *REFUSED)}
    tested |= {sentence for _, _, sentence in FILE_REFUSALS}
    found = rows("Refused")
    assert len(found) >= 20
    for _, sentence in found:
        assert sentence in tested, sentence


def test_the_readme_says_of_the_papers_networks_what_their_table_says() -> None:
    """Every cell of the README's table stands in the row of the same network."""
    cells = {
        name: [row for row in rows_of(ROOT / name) if NETWORK.match(row[0])]
        for name in ("README.md", "docs/paper.md")
    }
    told, whole = ({row[0]: row[1:] for row in rows} for rows in cells.values())
    assert told.keys() == whole.keys() != set()
    for network, row in told.items():
        assert set(row) <= set(whole[network])


def rows_of(page: Path) -> list[list[str]]:
    """The tables' rows, as cells."""
    lines = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
