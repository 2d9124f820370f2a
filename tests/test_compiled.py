"""Where no cache of compiled code can be kept, loops are compiled all the same."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
IMPORT_ALL = """
import sys
from importlib import import_module
from pathlib import Path

for path in sorted(Path(sys.argv[1]).rglob("*.py")):
    if path.name != "__init__.py" and "compiled" in path.read_text(encoding="utf-8"):
        import_module(".".join(path.relative_to(Path.cwd()).with_suffix("").parts))
"""


def copy_without_cache(package: str, to: Path) -> None:
    """A copy beside whose modules nothing can be kept: each __pycache__ is a file."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / package, to / package, ignore=ignore)
    for folder in {path.parent for path in (to / package).rglob("*.py")}:
        (folder / "__pycache__").touch()


def run_without_cache(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the folder, as somebody whose home is no folder either."""
    (home := folder / "home").touch()
    without = {"NUMBA_CACHE_DIR", "PYTHONPATH"}
    env = {name: value for name, value in os.environ.items() if name not in without}
    env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("package", ["solver", "crshare/executor"])
def test_every_module_with_compiled_loops_is_imported_without_a_cache(
    package: str, tmp_path: Path
) -> None:
    for each in ("solver", "hwgen", "crshare"):
        copy_without_cache(each, tmp_path)
    done = run_without_cache(tmp_path, IMPORT_ALL, str(tmp_path / package))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("package", ["solver", "crshare"])
def test_a_loop_is_compiled_without_a_cache(package: str, tmp_path: Path) -> None:
    copy_without_cache(package, tmp_path)
    (tmp_path / "loops.py").write_text(
        f"from {package}.compiled import compiled\n\n\n@compiled\ndef twice(x):\n    return x + x\n"
    )
    (tmp_path / "__pycache__").touch()
    code = "from loops import twice; print(twice(21), twice.signatures)"
    done = run_without_cache(tmp_path, code)
    assert (done.stdout, done.stderr) == ("42 [(int64,)]\n", "")
