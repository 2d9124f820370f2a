"""An integer matrix as few additions of shifted numbers: W x without a multiplier.

Each weight is written in signed digits, no two of which stand side by side; a row is a sum of terms
+-(input << digit). Two terms that stand in the same distance in several places are added once: the
pair that occurs most often first, until none occurs twice (R. Hartley 1996; as in multiple constant
multiplication). What is left of each row is added in pairs, the least shifted first.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """A node, shifted left, and negated where `negative`."""

    node: int
    shift: int
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Sum:
    """left + (right << shift), or left - (right << shift); both are nodes before it."""

    left: int
    right: int
    shift: int
    subtract: bool
    left_shift: int = 0


@dataclass(frozen=True, slots=True)
class ShiftAdds:
    """Nodes 0 to n_inputs - 1 are the inputs, the next ones the sums; a row is a term, or 0."""

    n_inputs: int
    sums: tuple[Sum, ...]
    rows: tuple[Term | None, ...]

    def values(self, inputs: Sequence[int]) -> list[int]:
        """The rows, for plain integers."""
        nodes = list(inputs)
        for one in self.sums:
            right = nodes[one.right] << one.shift
            nodes.append((nodes[one.left] << one.left_shift) + (-right if one.subtract else right))
        return [_value(term, nodes) for term in self.rows]


def _value(term: Term | None, nodes: Sequence[int]) -> int:
    if term is None:
        return 0
    value = nodes[term.node] << term.shift
    return -value if term.negative else value


def digits(weight: int) -> Iterator[tuple[int, bool]]:
    """The place of each signed digit that is not 0, and whether it is -1 (canonical form)."""
    place = 0
    while weight:
        if weight & 1:
            negative = weight & 3 == 3
            yield place, negative
            weight += 1 if negative else -1
        weight >>= 1
        place += 1


Pair = tuple[
    int, int, int, bool
]  # node, node, how far the second is left of the first, signs differ


def shift_adds(matrix: Sequence[Sequence[int]]) -> ShiftAdds:
    """Rows of an integer matrix [rows][inputs]."""
    n_inputs = len(matrix[0]) if matrix else 0
    return _Search(n_inputs, matrix).found()


@dataclass
class _Search:
    n_inputs: int
    matrix: Sequence[Sequence[int]]
    sums: list[Sum] = field(default_factory=list)
    rows: list[dict[tuple[int, int], bool]] = field(default_factory=list)
    counts: Counter[Pair] = field(default_factory=Counter)
    where: dict[Pair, set[int]] = field(default_factory=lambda: defaultdict(set))
    heap: list[tuple[int, Pair]] | None = None  # by counts, once all terms are there

    def found(self) -> ShiftAdds:
        for row in self.matrix:
            self.rows.append({})
            for node, weight in enumerate(row):
                for place, negative in digits(weight):
                    self._enter(len(self.rows) - 1, (node, place), negative)
        self._share()
        ends = tuple(self._added(row) for row in self.rows)
        return ShiftAdds(self.n_inputs, tuple(self.sums), ends)

    def _enter(self, row: int, term: tuple[int, int], negative: bool) -> None:
        self._count(row, term, negative, 1)
        self.rows[row][term] = negative

    def _leave(self, row: int, term: tuple[int, int]) -> None:
        negative = self.rows[row].pop(term)
        self._count(row, term, negative, -1)

    def _count(self, row: int, term: tuple[int, int], negative: bool, by: int) -> None:
        """The pairs of a term with all others of its row."""
        for other, sign in self.rows[row].items():
            pair = _pair(term, other, negative != sign)
            self.counts[pair] += by
            if by > 0:
                self.where[pair].add(row)
                if self.heap is not None:
                    heappush(self.heap, (-self.counts[pair], pair))

    def _share(self) -> None:
        """Add up the most frequent pair, while one occurs twice."""
        self.heap = [(-n, pair) for pair, n in self.counts.items() if n > 1]
        heapify(self.heap)
        while self.heap:
            n, pair = heappop(self.heap)
            if self.counts[pair] != -n or n > -2:
                if self.counts[pair] > 1 and self.counts[pair] < -n:
                    heappush(self.heap, (-self.counts[pair], pair))
                continue
            self._take(pair)

    def _take(self, pair: Pair) -> None:
        first, second, distance, differ = pair
        places = [(row, list(self._places(row, pair))) for row in sorted(self.where[pair])]
        if sum(len(found) for _, found in places) < 2:  # places that overlap count twice
            del self.counts[pair]
            return
        node = self._sum(Sum(first, second, max(distance, 0), differ, max(-distance, 0)))
        for row, found in places:
            for shift, negative in found:
                self._leave(row, (first, shift))
                self._leave(row, (second, shift + distance))
                self._enter(row, (node, shift + min(distance, 0)), negative)

    def _places(self, row: int, pair: Pair) -> Iterator[tuple[int, bool]]:
        """Where the pair stands in a row: the shift of its first term, and its sign."""
        first, second, distance, differ = pair
        terms, used = self.rows[row], set[tuple[int, int]]()
        for (node, shift), negative in sorted(terms.items()):
            one, other = (first, shift), (second, shift + distance)
            if node != first or other not in terms or {one, other} & used:
                continue
            if (terms[other] != negative) == differ:
                used |= {one, other}
                yield shift, negative

    def _sum(self, made: Sum) -> int:
        self.sums.append(made)
        return self.n_inputs + len(self.sums) - 1

    def _added(self, terms: dict[tuple[int, int], bool]) -> Term | None:
        """The sum of the terms that are left, two at a time, those of the lowest places first."""
        waiting = [Term(node, shift, negative) for (node, shift), negative in terms.items()]
        waiting.sort(key=_place)
        while len(waiting) > 1:
            waiting = [self._both(pair) for pair in _by_two(waiting)]
        return waiting[0] if waiting else None

    def _both(self, pair: Sequence[Term]) -> Term:
        if len(pair) == 1:
            return pair[0]
        first, second = sorted(pair, key=lambda term: term.negative)
        low = min(first.shift, second.shift)
        differ = first.negative != second.negative
        shifts = second.shift - low, first.shift - low
        node = self._sum(Sum(first.node, second.node, shifts[0], differ, shifts[1]))
        return Term(node, low, first.negative)


def _place(term: Term) -> tuple[int, int]:
    return term.shift, term.node


def _by_two(terms: Sequence[Term]) -> Iterable[Sequence[Term]]:
    return (terms[place : place + 2] for place in range(0, len(terms), 2))


def _pair(one: tuple[int, int], other: tuple[int, int], differ: bool) -> Pair:
    """The same for the two in either order, and wherever they stand."""
    (first, shift), (second, place) = sorted((one, other))
    return first, second, place - shift, differ
