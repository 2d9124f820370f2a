"""Run the notebook docs/tour.ipynb cell by cell and write what each prints into it.

    python scripts/run_tour.py           run it and write its outputs
    python scripts/run_tour.py --check   run it and compare; ends with 1 where an output differs

No Jupyter is needed: the cells are plain Python that prints.
"""

import argparse
import json
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from crshare.files import write_text

TOUR = Path(__file__).resolve().parents[1] / "docs" / "tour.ipynb"


def run(cell: str, names: dict[str, Any], label: str) -> str:
    """What the cell prints; names lives on from cell to cell."""
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(cell, label, "exec"), names)
    return printed.getvalue()


def filled(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with the outputs of now."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells, number = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            text = run("".join(cell["source"]), names, f"{TOUR.name}, cell {number}")
            outputs = [{"name": "stdout", "output_type": "stream", "text": text.splitlines(True)}]
            cell = {**cell, "execution_count": number, "outputs": outputs if text else []}
        cells.append(cell)
    return {**notebook, "cells": cells}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    before = json.loads(TOUR.read_text("utf-8"))
    after = filled(before)
    if not check:
        write_text(TOUR, json.dumps(after, indent=1, ensure_ascii=False) + "\n")
        return 0
    differing = [
        f"cell {new['execution_count']} prints\n{''.join(new['outputs'][0]['text'])}"
        for old, new in zip(before["cells"], after["cells"], strict=True)
        if old.get("outputs") != new.get("outputs")
    ]
    print("\n".join(differing) or "Every cell prints what the notebook shows.")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
