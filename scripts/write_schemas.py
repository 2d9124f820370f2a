"""JSON schemas of the files that crshare writes, made of the classes that write and read them.

python scripts/write_schemas.py            writes docs/*.schema.json
python scripts/write_schemas.py --check    compares instead
"""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec

from crshare.evaluation.library_check import Comparison
from crshare.model.inspect import Inspection
from crshare.plan.file import PlanFile
from crshare.plan.lut_plan import LutPlan
from crshare.report.command_schemas import HardwareReport, NetworkWritten, PageWritten
from crshare.report.hardware import SynthesisReport
from crshare.report.lut_report import LutReport
from crshare.report.page.document import Spent
from crshare.report.schema import (
    AnalysisReport,
    AppliedReport,
    CurveReport,
    EvaluationReport,
    PlanReport,
)
from crshare.report.training_schema import FinetuneReport, TrainReport

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schemas"
KINDS = {
    "plan": PlanFile,
    "report": PlanReport,
    "times": tuple[Spent, ...],
    "pareto": CurveReport,
    "analyze": AnalysisReport,
    "evaluate": EvaluationReport,
    "apply": AppliedReport,
    "synth": SynthesisReport,
    "inspect": Inspection,
    "verify": Comparison,
    "export": NetworkWritten,
    "page": PageWritten,
    "generate": HardwareReport,
    "train": TrainReport,
    "finetune": FinetuneReport,
    "lut-plan": LutPlan,
    "lut-report": LutReport,
}


def schemas() -> dict[str, str]:
    """Every schema by its file name."""
    return {f"{name}.schema.json": _text(kind) for name, kind in KINDS.items()}


def _text(kind: Any) -> str:
    schema = msgspec.json.schema(kind)
    for part in schema.get("$defs", {}).values():
        part["additionalProperties"] = False
        if "description" in part:
            part["description"] = " ".join(part["description"].split())
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(draft | schema, indent=1) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check, stale = parser.parse_args().check, []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        path = FOLDER / name
        if check and (not path.exists() or path.read_text("utf-8") != text):
            stale.append(name)
        elif not check:
            path.write_text(text, "utf-8")
    for name in stale:
        print(f"docs/schemas/{name} is stale; run scripts/write_schemas.py")
    return int(bool(stale))


if __name__ == "__main__":
    raise SystemExit(main())
