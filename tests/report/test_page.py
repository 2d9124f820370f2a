"""The page of a plan: what stands in it, that it needs nothing else, and its refusals."""

import ast
import json
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict, replace
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from crshare.errors import CrshareError
from crshare.report.page import explorer, markup
from crshare.report.page.axis import Axis, LogAxis, axis_over, label
from crshare.report.page.document import (
    Document,
    document_of,
    read_document,
    with_luts,
    with_rates,
)
from crshare.report.page.html import render, section_titles
from crshare.report.page.plots import NARROW, WIDE, tradeoff
from crshare.report.page.rate_plot import limit_in_sight
from crshare.report.page.section import noted
from crshare.report.page.svg import Drawing
from crshare.report.promised import last_of_each
from crshare.report.rates import RateLimit, RatePoint, Rates
from crshare.report.schema import PlanReport
from crshare.typed_json import read_json
from tests.hostile.names import NAMES

VOID = {"meta", "link", "br", "input"}


class Balance(HTMLParser):
    """Every element that opens is closed in order, and every id is unique."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"


def parse(report: dict[str, Any]) -> Document:
    return document_of(read_json(json.dumps(report).encode(), PlanReport))


@pytest.fixture(scope="module")
def document(optimized: Path) -> Document:
    return read_document(optimized)


@pytest.mark.slow
def test_the_page_is_whole_and_needs_nothing_else(optimized: Path) -> None:
    page = (optimized / "report.html").read_text("utf-8")
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert len(balance.ids) == len(set(balance.ids))
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)|@import|url\(""", page)
    assert "://" not in re.sub(r"<code>.*?</code>", "", page)


def test_every_figure_says_in_words_what_it_shows(optimized: Path) -> None:
    page = (optimized / "report.html").read_text("utf-8")
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) > 20
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("role") == "img"
        names = (root.get("aria-labelledby") or "").split()
        texts = {child.get("id"): child.text for child in root if child.tag in ("title", "desc")}
        assert all(texts[name] for name in names)
        assert len(names) == 2


def test_all_sections_are_there(document: Document) -> None:
    assert section_titles(document) == [
        "The network",
        "Measures by layer",
        "Accuracy against operations",
        "Distinct slices against chance",
        "Most used patterns",
        "Hamming distances",
        "Sharing groups of a channel",
        "Any channel",
        "Thresholds before and after",
        "Solver gaps and times",
        "How to reproduce",
    ]


def test_the_page_shows_the_report(optimized: Path, document: Document) -> None:
    page = render(document)
    report = json.loads((optimized / "report.json").read_text())
    assert report["fingerprint"] in page
    assert "crshare optimize" in report["command"]
    for layer in report["layers"]:
        assert f"<td>{layer['layer']}" in page
        assert f"{layer['origins']['computed']:,}</td>" in page
    assert document.search is not None
    for entry in last_of_each(document.search.tried):
        assert f"{entry.cost:,}</td>" in page
    assert "LUT sites" not in page


def synthesised(*rows: tuple[str, str, int]) -> str:
    """The JSON of `crshare synth`: stage, design and LUT sites of each row."""
    areas = [
        {"target": "xilinx", "layer": stage, "design": design, "area": {"sites": sites}}
        for stage, design, sites in rows
    ]
    return json.dumps({"areas": areas})


def test_luts_are_shown_where_they_were_synthesised(optimized: Path, tmp_path: Path) -> None:
    document = read_document(optimized)
    layer = document.layers[1].layer
    path = tmp_path / "synth.json"
    sites = {"plan": 1000, "exact": 1200, "unshared": 4000}
    rows = [(stage, *one) for stage in (layer, "decide") for one in sites.items()]
    path.write_text(synthesised(*rows, ("half", "plan", 7)))
    page = render(with_luts(document, path))
    assert "LUT sites, 2 stages<" in page and "−16.6 %" in page
    assert "8,000 unshared → 2,400 exact → 2,000 plan" in page
    assert "<td>decide</td>" in page and "<td>half</td>" not in page
    assert "This plan saves 400 LUTs of the 2,400 that the exact graph takes (16.6 %; " in page


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        synthesised(*(("conv9", design, 1) for design in ("plan", "exact", "unshared"))),
        synthesised(("conv2", "plan", 1), ("conv2", "unshared", 2)),
        synthesised(),
    ],
)
def test_luts_of_something_else_are_refused(optimized: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "synth.json"
    path.write_text(text)
    with pytest.raises(CrshareError, match=r"synth\.json: (cannot be read as|has no LUTs)"):
        with_luts(read_document(optimized), path)


def rates_of(fingerprint: str, *exact: int) -> Rates:
    """A curve whose LUTs are given, at 10, 20, ... clocks; the plan's are half of them."""
    points = tuple(RatePoint(10 * k + 10, luts, 5, k) for k, luts in enumerate(exact))
    planned = tuple(replace(point, luts=point.luts // 2) for point in points[1:])
    limit = RateLimit("xc7a15t", 0.5, 4000, 9000, 25)
    return Rates(
        fingerprint=fingerprint, target="xilinx", exact=points, planned=planned, limit=limit
    )


def test_luts_against_clocks_are_shown_where_they_were_counted(
    optimized: Path, tmp_path: Path
) -> None:
    document = read_document(optimized)
    rates = rates_of(document.report.fingerprint, 9000, 4000)
    path = tmp_path / "rates.json"
    path.write_text(json.dumps({"curve": [], "rates": asdict(rates)}))
    page = render(with_rates(document, path))
    assert "<h2>LUTs against clocks</h2>" in page
    assert "50 % of xc7a15t: 4,000 LUTs" in page and "Below the line the device holds" in page
    assert "20 clocks: 2,000 LUTs, 1 block RAMs" in page
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page.split("The least LUTs at each rate")[-1])
    assert cells[:12] == [
        "10",
        "9,000",
        "0",
        "-",
        "-",
        "-",
        "20",
        "4,000",
        "1",
        "2,000",
        "1",
        "−50.0 %",
    ]


def test_layers_at_a_rate_are_shown_with_their_multipliers(optimized: Path, tmp_path: Path) -> None:
    document, path = read_document(optimized), tmp_path / "rates.json"
    rates = asdict(rates_of(document.report.fingerprint, 9000, 4000))
    unit = {"architecture": "unit", "pe": 1, "simd": 9, "memory": "block", "clocks": 2000}
    unit |= {
        "luts": 1234,
        "registers": 5,
        "block_rams_18k": 3,
        "dsps": 9,
        "share": 1,
        "built": True,
    }
    path.write_text(json.dumps({"rates": rates, "clocks": 2048, "layers": {"skip": unit}}))
    table = render(with_rates(document, path)).split("Layers at 2,048 clocks an image")[-1]
    cells = re.findall(r"<t[dh][^>]*>([^<]*)<", table.split("</table>")[0])
    assert cells[-6:] == ["skip", "unit", "2,000", "1,234", "3", "9"]
    del unit["dsps"]
    path.write_text(json.dumps({"rates": rates, "clocks": 2048, "layers": {"skip": unit}}))
    assert ">DSPs<" not in render(with_rates(document, path))


def test_a_limit_that_is_far_from_all_points_is_not_drawn(document: Document) -> None:
    far = rates_of(document.report.fingerprint, 90000, 40000)
    assert limit_in_sight(far) is None
    assert "Below the line" not in render(replace(document, rates=far))


@pytest.mark.parametrize("text", ["", "{}", '{"rates": {}}', "other"])
def test_curves_of_something_else_are_refused(optimized: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "rates.json"
    other = json.dumps({"rates": asdict(rates_of("0" * 64, 9000, 4000))})
    path.write_text(other if text == "other" else text)
    with pytest.raises(
        CrshareError, match=r"rates\.json: (cannot be read as|has the curves of another)"
    ):
        with_rates(read_document(optimized), path)


def test_a_logarithmic_axis_has_round_ticks_within_it() -> None:
    axis = LogAxis(90, 4e5, 0, 100)
    assert axis.ticks(8) == [100, 300, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5]
    assert LogAxis(1500, 60000, 0, 1).ticks(6) == [2e3, 5e3, 1e4, 2e4, 5e4]
    assert axis.at(90) == 0 and axis.at(4e5) == pytest.approx(100)
    assert axis.at(6000) == pytest.approx(50)


def test_an_analysis_has_a_page_too(tmp_path: Path, model: Path) -> None:
    from tests.cli.test_cli import crshare

    target = tmp_path / "page.html"
    assert crshare("analyze", model, "--html", target).exit_code == 0
    page = target.read_text("utf-8")
    assert "Distinct slices against chance" in page
    assert "Accuracy against operations" not in page
    assert "this plan" not in page


def test_text_from_files_is_escaped(optimized: Path) -> None:
    report = json.loads((optimized / "report.json").read_text())
    report["model"] = "<script>alert(1)</script>.h5"
    for layer, portrait in zip(report["layers"], report["portraits"], strict=True):
        layer["layer"] = portrait["layer"] = f"a<b>&{layer['layer']}"
    page = render(parse(report))
    assert "<script>alert" not in page
    assert "<b>&conv" not in page
    balance = Balance()
    balance.feed(page)
    assert balance.open == []


def test_only_the_page_s_own_style_and_script_may_run(optimized: Path) -> None:
    page = (optimized / "report.html").read_text("utf-8")
    rule = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    assert rule is not None
    rules = dict(part.split(maxsplit=1) for part in unescape(rule[1]).split("; "))
    assert rules["default-src"] == "'none'"
    for kind in ("style", "script"):
        (own,) = re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = b64encode(sha256(own.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
        assert page.index(rule[0]) < page.index(f"<{kind}>")


def named_anew(value: Any, names: Iterator[str]) -> Any:
    """A report in which every text but those of one word from a list is another name."""
    if isinstance(value, dict):
        return {key: named_anew(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [named_anew(item, names) for item in value]
    fixed = isinstance(value, str) and re.fullmatch("[+-]+|[0-9a-f]{64}|[a-z-]+", value)
    return next(names) if isinstance(value, str) and not fixed else value


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, len(NAMES), 20))
def test_no_text_of_a_report_is_markup(optimized: Path, start: int) -> None:
    """The elements of the page are those of a page with plain names, whatever the names are."""
    report = json.loads((optimized / "report.json").read_text())
    pages = []
    for names in (["plain"], NAMES[start:]):
        numbered = (f"{name}{n}" for n, name in enumerate(cycle(names)))
        changed = named_anew(report, numbered)
        for layer, portrait in zip(changed["layers"], changed["portraits"], strict=True):
            portrait["layer"] = layer["layer"]
        pages.append(render(parse(changed)))
    plain, hostile = map(skeleton, pages)
    assert hostile == plain
    assert all(line.isprintable() for line in pages[1].split("\n"))


def skeleton(page: str) -> list[str]:
    """The tags of a page and the names of their attributes."""
    found: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(" ".join([tag, *(name for name, _ in attrs)]))

    Tags().feed(page)
    return found


def test_markup_is_made_by_its_own_module_alone() -> None:
    folder = Path(markup.__file__).parent
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert ("Markup" in calls) == (path.name == "markup.py"), path.name


def test_text_is_escaped_where_it_enters() -> None:
    inner = markup.element("b", "<i>\x1b", title="\"'<\udc80", hidden=True, lang=None)
    assert inner.html == '<b title="&quot;&#x27;&lt;\\udc80" hidden>&lt;i&gt;\\x1b</b>'
    assert markup.element("p", inner, class_="x").html == f'<p class="x">{inner.html}</p>'
    assert markup.element("p", f"{inner}").html.count("<") == 2  # as text it is no markup


def test_a_model_without_binary_layers_has_a_page(optimized: Path) -> None:
    report = json.loads((optimized / "report.json").read_text())
    page = render(parse({**report, "layers": [], "portraits": []}))
    assert "0 layers with binary weights" in page


def test_a_channel_may_be_chosen(tmp_path: Path, model: Path, optimized: Path) -> None:
    from tests.cli.test_cli import crshare

    target = tmp_path / "page.html"
    result = crshare(
        "report", optimized, "--channel", "conv2:5", "--model", model, "-o", target, "--json", "-"
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["page"] == str(target)
    assert "<details open><summary>conv2, channel 5:" in target.read_text("utf-8")


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("conv2:99", "layer conv2 has no channel 99; its channels run from 0 to 7"),
        ("conv9:0", "--channel conv9:0: no such layer; there are conv1, conv2, conv3, dense"),
        ("conv2", "--channel conv2: expected LAYER:INDEX as in conv2:5"),
    ],
)
def test_a_channel_that_is_not_there_is_refused(
    model: Path, optimized: Path, channel: str, words: str
) -> None:
    from tests.cli.test_cli import refusal

    said = refusal("report", optimized, "--channel", channel, "--model", model)
    assert said == f"crshare: {words}"


def test_a_channel_needs_the_model(optimized: Path) -> None:
    from tests.cli.test_cli import refusal

    assert refusal("report", optimized, "--channel", "conv2:0") == (
        "crshare: --channel conv2:0: its slices are in the model; name it with --model FILE"
    )


def test_a_folder_without_a_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CrshareError) as error:
        read_document(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'report.json'}: no such file; give a folder that `crshare optimize` wrote"
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda report: report.pop("portraits"), "it lacks `portraits`"),
        (lambda report: report["layers"][0].pop("exact"), "it lacks `exact` - at `$.layers[0]`"),
        (
            lambda report: report["portraits"][0].pop("taken"),
            "it lacks `taken` - at `$.portraits[0]`",
        ),
    ],
)
def test_an_older_report_is_refused(
    tmp_path: Path, optimized: Path, change: object, what: str
) -> None:
    shutil.copytree(optimized, tmp_path / "old")
    path = tmp_path / "old" / "report.json"
    report = json.loads(path.read_text())
    change(report)  # type: ignore[operator]
    path.write_text(json.dumps(report))
    with pytest.raises(CrshareError) as error:
        read_document(tmp_path / "old")
    assert str(error.value) == (
        f"{path}: is no report of this version of crshare ({what}); make it anew with "
        "`crshare optimize`"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"crshare": 1, "layers": 3}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(CrshareError, match="is no report of this version"):
        read_document(tmp_path)


def test_two_runs_give_the_same_page(document: Document) -> None:
    assert render(document) == render(document)


def test_the_tradeoff_says_every_plan(document: Document) -> None:
    assert isinstance(document.report, PlanReport)
    drawing = tradeoff(document.report).markup().html
    for entry in document.report.search.tried:
        assert f"{entry.cost:,} slice operations lose" in drawing
    assert drawing.count('class="whisker"') == len(document.report.search.tried)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_loss_on_test_images_stands_at_the_plans_operations(
    document: Document, width: float
) -> None:
    assert isinstance(document.report, PlanReport)
    drawing = ElementTree.fromstring(tradeoff(document.report, width).markup().html)
    (mark,) = (shape for shape in drawing if shape.get("class") == "reported")
    kept = f"{document.report.objective.planned:,} "
    places = {
        float(shape.attrib["cx"])
        for shape in drawing
        if shape.get("class") == "planned" and (shape[0].text or "").startswith(kept)
    }
    (place,) = places
    assert float(mark.attrib["x"]) + float(mark.attrib["width"]) / 2 == pytest.approx(place)


def test_the_network_is_drawn_with_its_shapes(document: Document) -> None:
    page = render(document)
    assert "convolution 3 × 3, 8 → 8" in page and "6 × 6 × 8 bits" in page
    assert page.count('<li class="binary">') == len(document.layers)


def test_any_channel_is_in_the_page_as_the_plan_has_it(document: Document) -> None:
    found = re.search('<div id="explored" hidden>(.*?)</div>', render(document))
    assert found is not None
    layers = json.loads(unescape(found[1]))
    assert len(layers) == len(document.planned)
    for shown, layer in zip(layers, document.planned, strict=True):
        assert [use for _, use in shown["groups"]] == [list(group.use) for group in layer.groups]


def test_layers_too_large_for_the_page_are_named(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explorer, "MOST", 3000)
    assert "Too large for this page: " in render(document)
    monkeypatch.setattr(explorer, "MOST", 0)
    assert "Any channel" not in section_titles(document)


def test_the_page_tells_with_what_it_was_made(document: Document) -> None:
    page = render(document)
    assert document.plan is not None
    assert set(document.plan.images) == {"calibration", "test"}
    assert all(f"<code>{digest}</code>" in page for digest in document.plan.images.values())
    assert "by itself; any machine finds this plan" in page


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-0.3, 2.6), (1e6, 4.2e7), (5, 5), (-4e-5, 0), (0, 7)]
)
def test_axes_hold_their_values_and_have_few_round_ticks(low: float, high: float) -> None:
    axis = axis_over(low, high, 0, 100)
    assert axis.low <= low <= high <= axis.high
    assert 0 <= axis.at(low) <= axis.at(high) <= 100
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 7
    assert len({label(tick) for tick in ticks}) == len(ticks)


def test_an_axis_may_run_downwards() -> None:
    axis = Axis(0, 10, 200, 100)
    assert axis.at(0) == 200
    assert axis.at(10) == 100


def test_a_drawing_escapes_its_words_and_rounds_its_places() -> None:
    drawing = Drawing("d", 10, 10, "a < b", "c & d")
    drawing.text(1 / 3, 2, "<e>")
    drawing.rect(1, 2.5, 3.0004, 4, "before", hint="5 > 4")
    text = drawing.markup().html
    assert "a &lt; b" in text and "c &amp; d" in text and "&lt;e&gt;" in text
    assert 'x="0.33"' in text and 'width="3"' in text
    ElementTree.fromstring(text)


def test_what_stands_between_backticks_is_code() -> None:
    assert noted("see `synth <x>` and `b`").html == (
        '<p class="note">see <code>synth &lt;x&gt;</code> and <code>b</code></p>'
    )
    assert noted("one ` alone").html == '<p class="note">one ` alone</p>'
