"""Modules of an exported LUT network: nets that stand for others, instances, and widths of ports.

What a clock does is left out: a register stands for what it takes over, and of `generate if` both
branches are read, which must agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crshare.errors import ModelFormatError
from crshare.frontend.verilog_tokens import Bit, Constant, Expression, Name, Tokens, expression

SKIPPED_WORDS = ("generate", "endgenerate", "end", "else")
DECLARED = ("wire", "reg")
MAX_PORT = 2**20


@dataclass(frozen=True, slots=True)
class Instance:
    """A module within a module; of its ports and parameters those whose values are read."""

    module: str
    parameters: Mapping[str, Expression]
    ports: Mapping[str, Expression]


@dataclass(slots=True)
class Module:
    """values: what a net, or a bit of one, stands for, in one branch or another. ports: width of
    each. parameters: their names, which stand for nothing here."""

    name: str
    parameters: frozenset[str] = frozenset()
    ports: dict[str, int] = field(default_factory=dict)
    values: dict[Name | Bit, list[Expression]] = field(default_factory=dict)
    instances: list[Instance] = field(default_factory=list)

    def stands_for(self, net: Name | Bit, value: Expression | None) -> None:
        """What a clock resets a net to is left out."""
        is_reset = isinstance(value, Constant) and value.width in (None, 1)
        is_reset |= isinstance(value, Name) and value.name in self.parameters
        if value is not None and not is_reset:
            self.values.setdefault(net, []).append(value)

    def value(self, net: Name | Bit) -> Expression:
        """What a net stands for in the end; ModelFormatError where branches do not agree."""
        found, pending, ends = set[Expression](), [net], set[Expression]()
        while pending:
            at = pending.pop()
            for value in self.values.get(at, []):
                if isinstance(value, Name | Bit) and value in self.values:
                    pending += [] if value in found else [value]
                    found.add(value)
                else:
                    ends.add(value)
        if len(ends) > 1 or (not ends and net in self.values):
            raise ModelFormatError(f"module {self.name} drives {named(net)} by several nets")
        return ends.pop() if ends else net


def modules_of(text: str) -> dict[str, Module]:
    """All modules by name."""
    tokens, found = Tokens(text), dict[str, Module]()
    while tokens.next:
        module = _module(tokens)
        if module.name in found:
            raise ModelFormatError(f"has two modules {module.name}")
        found[module.name] = module
    return found


def _module(tokens: Tokens) -> Module:
    tokens.take("module")
    module = Module(tokens.name())
    if tokens.maybe("#"):
        given = tokens.enclosed("(", ")")
        named_so = (name for name, sign in zip(given, given[1:], strict=False) if sign == "=")
        module.parameters = frozenset(named_so)
    _ports(tokens.enclosed("(", ")"), module)
    tokens.take(";")
    while not tokens.maybe("endmodule"):
        _item(tokens, module)
    return module


def _ports(tokens: list[str], module: Module) -> None:
    port: list[str] = []
    depth = 0
    for token in (*tokens, ","):
        depth += (token == "[") - (token == "]")
        if token == "," and not depth:
            if port:
                module.ports[port[-1]] = _width(port)
            port = []
        else:
            port.append(token)


def _width(port: list[str]) -> int:
    """Bits of a port [A:0] or [A-B:0] of numbers; 0 where names say how many."""
    match port:
        case [*_, "[", str(high), ":", "0", "]", str()] if high.isdecimal():
            width = int(high) + 1
        case [*_, "[", str(n), "-", str(less), ":", "0", "]", str()] if (n + less).isdecimal():
            width = int(n) - int(less) + 1
        case _:
            return 0 if "[" in port else 1
    if not 0 < width <= MAX_PORT:
        raise ModelFormatError(f"has a port of {width} bits")
    return width


def _item(tokens: Tokens, module: Module) -> None:
    """One statement, or a word that only gives statements a place."""
    word = tokens.next
    if word in DECLARED:
        _declared(tokens, module)
    elif word == "assign":
        tokens.take()
        _driven(tokens, module, "=")
    elif word in SKIPPED_WORDS:
        tokens.take()
    elif word == "begin":
        tokens.take()
        if tokens.maybe(":"):
            tokens.name()
    elif word == "if":
        tokens.take()
        tokens.enclosed("(", ")")
    elif word == "always":
        tokens.take()
        tokens.take("@")
        tokens.enclosed("(", ")")
    else:
        _named_item(tokens, module)


def _declared(tokens: Tokens, module: Module) -> None:
    tokens.take()
    if tokens.next == "[":
        tokens.enclosed("[", "]")
    net = Name(tokens.name())
    if tokens.maybe("="):
        module.stands_for(net, expression(tokens.until(";")))
    tokens.take(";")


def _driven(tokens: Tokens, module: Module, sign: str) -> None:
    net = expression(tokens.until(sign))
    tokens.take(sign)
    value = expression(tokens.until(";"))
    tokens.take(";")
    if isinstance(net, Name | Bit):
        module.stands_for(net, value)


def _named_item(tokens: Tokens, module: Module) -> None:
    """A register that takes a value over, or an instance."""
    kind = tokens.name()
    if tokens.next == "<=":
        tokens.take()
        module.stands_for(Name(kind), expression(tokens.until(";")))
        tokens.take(";")
        return
    parameters = _connected(tokens) if tokens.maybe("#") else {}
    tokens.name()
    module.instances.append(Instance(kind, parameters, _connected(tokens)))
    tokens.take(";")


def _connected(tokens: Tokens) -> dict[str, Expression]:
    """(.name(value), ...): those values that are read."""
    tokens.take("(")
    found: dict[str, Expression] = {}
    while not tokens.maybe(")"):
        tokens.take(".")
        name = tokens.name()
        value = expression(tokens.enclosed("(", ")"))
        if name in found:
            raise ModelFormatError(f"connects {name} twice")
        if value is not None:
            found[name] = value
        if tokens.next != ")":
            tokens.take(",")
    return found


def named(net: Name | Bit) -> str:
    return net.name if isinstance(net, Name) else f"{net.name}[{net.index}]"
