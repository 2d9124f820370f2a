"""A folder that `crshare generate` wrote, read as untrusted input.

Only what `generate` writes is taken: a report of known types, names that are plain words, regular
files of fair size, and Verilog that describes hardware and does nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crshare.errors import HardwareError
from crshare.files import read_file_bytes
from crshare.hardware.lowering import DESIGNS
from crshare.strict_json import JsonError, parse_json
from hwgen import HwgenError, Range
from hwgen.equivalence import Ports, Proof, prove_equal
from hwgen.sources import Sources, foreign_word
from hwgen.targets import GENERIC, TARGETS

ADVICE = "make the folder anew with `crshare generate`"
MAX_REPORT, MAX_LIST, MAX_VERILOG = 2**26, 2**22, 2**29
MAX_VALUE, MAX_LANES, MAX_CLASSES, MAX_WIDTH = 2**31, 2**16, 2**16, 2**20


@dataclass(frozen=True, slots=True)
class RtlFolder:
    """modules: of each stage, by its name. ports: of a datapath alone. target: what it was
    generated for. models: of the target's primitives, by file. shares: one of DESIGNS, None of a
    folder of an earlier version."""

    path: Path
    sources: Sources
    modules: Mapping[str, str]
    ports: Ports | None
    target: str
    models: Mapping[str, str]
    shares: str | None = None

    @property
    def complete(self) -> Sources:
        """With models of the primitives: for proofs and simulations."""
        return replace(self.sources, files={**self.sources.files, **self.models})

    def must_suit(self, device: str) -> None:
        """HardwareError where the folder names primitives that a device does not have."""
        if self.target != GENERIC and device not in TARGETS[self.target].devices:
            raise HardwareError(
                f"{self.path}: is made of primitives of {self.target} devices, which {device} does "
                f"not have; make it anew with `crshare generate --target {GENERIC}`"
            )

    def stages(self) -> dict[str, Sources]:
        """What is to be mapped for each stage by itself."""
        if self.ports is not None:
            raise HardwareError(
                f"{self.path}: holds one datapath alone; it has no stages to map apart"
            )
        if not self.modules:
            raise HardwareError(f"{self.path}: its report names no modules of stages; {ADVICE}")
        return {stage: replace(self.sources, top=module) for stage, module in self.modules.items()}


def read_folder(path: Path) -> RtlFolder:
    """HardwareError where a folder does not hold what `generate` writes."""
    facts = _report(path)
    try:
        sources = Sources(facts["top"], _verilog(path, "files.f"))
        modules = facts.get("modules", {})
        for module in modules.values():
            replace(sources, top=module)
        models = _verilog(path, "primitives.f") if (path / "primitives.f").exists() else {}
        target = facts.get("target", GENERIC)
        if not isinstance(target, str) or target not in TARGETS:
            raise ValueError("its report names no target that crshare writes for")
        shares = next((name for name in DESIGNS if name == facts.get("shares")), None)
        ports = _ports(facts.get("ports"))
        return RtlFolder(path, sources, modules, ports, target, models, shares)
    except (HwgenError, ValueError) as error:
        raise HardwareError(f"{path}: {error}; {ADVICE}") from error


def prove(first: RtlFolder, second: RtlFolder, time_limit_s: float) -> Proof:
    """Whether two folders that `generate --combinational` wrote compute the same."""
    for folder in (first, second):
        if folder.ports is None:
            raise HardwareError(
                f"{folder.path}: holds no datapath alone; make it with `crshare generate "
                "--combinational`"
            )
    if first.ports is None or first.ports != second.ports:
        raise HardwareError(
            f"{first.path} and {second.path} have different ports; compare two datapaths of one "
            "layer"
        )
    return prove_equal(first.complete, second.complete, first.ports, time_limit_s)


def _report(path: Path) -> dict[str, Any]:
    """The report of a folder, with a text as top and texts as modules."""
    if not (path / "report.json").exists() or not (path / "files.f").exists():
        raise HardwareError(f"{path}: holds no generated hardware; make it with `crshare generate`")
    try:
        facts = parse_json(_text(path / "report.json", MAX_REPORT))
    except JsonError as error:
        raise HardwareError(f"{path / 'report.json'}: {error}; {ADVICE}") from error
    match facts:
        case {"top": str()} if _is_texts(facts.get("modules", {})):
            return dict(facts)
    raise HardwareError(f"{path / 'report.json'}: names no top module; {ADVICE}")


def _is_texts(found: object) -> bool:
    return isinstance(found, dict) and all(isinstance(value, str) for value in found.values())


def _verilog(path: Path, listing: str) -> dict[str, str]:
    names = _text(path / listing, MAX_LIST).split()
    Sources("top", dict.fromkeys(names, ""))
    left, found = MAX_VERILOG, {}
    for name in names:
        found[name] = _text(path / name, left)
        left -= len(found[name])
        word = foreign_word(found[name])
        if word is not None:
            raise HardwareError(
                f"{path / name}: holds {word[:40]!a}, which crshare never writes; {ADVICE}"
            )
    return found


def _text(path: Path, at_most: int) -> str:
    """A file as characters, one for each byte; a link is none of ours."""
    if path.is_symlink():
        raise HardwareError(f"{path}: is a symbolic link; {ADVICE}")
    content = read_file_bytes(path, HardwareError, ADVICE, at_most)
    return content.decode("latin-1").replace("\r\n", "\n")


def _ports(found: object) -> Ports | None:
    match found:
        case None:
            return None
        case {
            "lanes": int(lanes),
            "lane": {"low": int(low), "high": int(high)},
            "n_classes": int(n_classes),
            "out_width": int(width),
        } if (
            0 < lanes <= MAX_LANES
            and -MAX_VALUE < low <= high < MAX_VALUE
            and 0 < n_classes <= MAX_CLASSES
            and 0 < width <= MAX_WIDTH
        ):
            return Ports(lanes, Range(low, high), n_classes, width)
    raise ValueError("its report names ports that no datapath has")
