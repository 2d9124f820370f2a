"""`crshare analyze --quick`: the slices of the full analysis, without its adders."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import crshare
from crshare.cli import main
from crshare.evaluation.analysing import analyze_model
from crshare.network.slices import decompose
from crshare.plan.plan import exact_layer

MODEL = Path(__file__).parents[2] / "data" / "digits_bnn.h5"


def test_the_quick_analysis_counts_the_slices_of_exact_sharing_and_no_adders() -> None:
    model = crshare.load(MODEL)
    found = analyze_model(model, lambda *_: None, quick=True).layers
    for layer, table in zip(found, decompose(model.network), strict=True):
        computed = exact_layer(table).n_computed_taps
        assert layer.counts.before.slice_operations == table.slice_operations
        assert layer.counts.after.slice_operations == table.positions * computed
        assert layer.counts.graph.additions == layer.counts.before.full_adders == 0


def test_the_table_tells_what_is_left() -> None:
    done = CliRunner().invoke(main, ["analyze", str(MODEL), "--quick"])
    assert done.exit_code == 0
    assert "Slice operations for one image: 1,597,896 of 1,920,256, 0.832 left." in done.output
    assert "adders" not in done.output


@pytest.mark.parametrize("more", [["--json", "-"], ["--html", "a.html"], ["--csv", "a.csv"]])
def test_it_writes_no_file(tmp_path: Path, more: list[str]) -> None:
    done = CliRunner().invoke(main, ["analyze", str(MODEL), "--quick", *more])
    assert done.exit_code == 2
    assert "--quick: makes a table alone; leave out --json, --html and --csv" in done.output
