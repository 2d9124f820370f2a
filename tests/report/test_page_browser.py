"""The page in a real browser: no console message, sorting, both themes, nothing overlaps.

A copy of the page gets a script that tries what a reader would, and leaves what it saw in the
document, which headless Chromium prints.
"""

import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.needs_tool("chromium")]

PROBE = """
<script>
  const background = () => getComputedStyle(document.body).backgroundColor;
  const column = (table, n) => [...table.tBodies[0].rows].map((row) => row.cells[n].textContent);
  const press = (table, n) => {
    const heading = table.tHead.rows[0].cells[n];
    heading.querySelector("button").click();
    return heading.getAttribute("aria-sort");
  };
  const apart = (a, b) =>
    a.right <= b.left + 1 || b.right <= a.left + 1 ||
    a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
  const texts = (svg) => [...svg.querySelectorAll("text")];
  const crowded = (svg) => {
    const all = texts(svg).filter((t) => !t.classList.contains("nodelabel"));
    const boxes = all.map((t) => t.getBoundingClientRect());
    return all.filter((_, i) => boxes.some((box, j) => j < i && !apart(box, boxes[i])))
      .map((t) => `${svg.querySelector("title").textContent}: ${t.textContent}`);
  };
  const outside = (svg) => {
    const whole = svg.getBoundingClientRect();
    return texts(svg).filter((t) => {
      const box = t.getBoundingClientRect();
      return box.left < whole.left - 1 || box.right > whole.right + 1 ||
        box.bottom > whole.bottom + 1;
    }).map((t) => `${svg.querySelector("title").textContent}: ${t.textContent}`);
  };
  for (const part of document.querySelectorAll("details")) part.open = true;
  const table = document.querySelector("table.sortable");
  const seen = { before: column(table, 1), themes: [background()] };
  seen.first = press(table, 1); seen.falling = column(table, 1);
  seen.second = press(table, 1); seen.rising = column(table, 1);
  seen.third = press(table, 0); seen.names = column(table, 0);
  seen.marked = table.querySelectorAll("[aria-sort]").length;
  document.getElementById("theme").click(); seen.themes.push(background());
  document.getElementById("theme").click(); seen.themes.push(background());
  const drawings = [...document.querySelectorAll("svg")];
  seen.drawings = drawings.length;
  seen.crowded = drawings.flatMap(crowded);
  seen.outside = drawings.flatMap(outside);
  seen.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  seen.slices = document.querySelectorAll("#slices li").length;
  seen.width = document.documentElement.clientWidth;
  document.body.dataset.seen = JSON.stringify(seen);
</script>
"""


UNRULED = re.compile('<meta http-equiv="Content-Security-Policy"[^>]*>')


def browse(page: Path, *options: str) -> tuple[str, list[str]]:
    """The document as it is after its scripts, and what they said to the console."""
    done = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            f"--user-data-dir={page.parent / 'profile'}", "--virtual-time-budget=2000",
            *options, "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def probe(tmp_path: Path, page: str, *options: str) -> dict[str, Any]:
    target = tmp_path / "probe.html"
    target.write_text(UNRULED.sub("", page).replace("</body>", f"{PROBE}</body>"), "utf-8")
    dom, said = browse(target, *options)
    assert said == []
    found = re.search(r'data-seen="([^"]*)"', dom)
    assert found is not None, dom[-2000:]
    seen = json.loads(html.unescape(found[1]))
    assert isinstance(seen, dict)
    return seen


@pytest.fixture(scope="module")
def page(optimized: Path) -> str:
    return (optimized / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def seen(page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return probe(tmp_path_factory.mktemp("wide"), page, "--window-size=1200,2000")


def test_the_page_loads_without_a_word_on_the_console(tmp_path: Path, page: str) -> None:
    target = tmp_path / "page.html"
    target.write_text(page, "utf-8")
    dom, said = browse(target)
    assert said == []
    assert "How to reproduce" in dom


def test_no_other_script_runs_than_the_page_s_own(tmp_path: Path, page: str) -> None:
    target = tmp_path / "page.html"
    target.write_text(
        page.replace("</h1>", "</h1><script>document.title = 'ran'</script>"), "utf-8"
    )
    dom, said = browse(target)
    assert "<title>ran</title>" not in dom
    assert "Content Security Policy" in "".join(said)


def test_an_error_would_be_seen(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("<!doctype html><script>missing()</script>", "utf-8")
    assert "missing is not defined" in "".join(browse(target)[1])


def amount(text: str) -> float:
    number, _, unit = text.replace(",", "").partition(" ")
    return float(number) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit]


def test_tables_sort_by_figures_and_by_names(seen: dict[str, Any]) -> None:
    figures = sorted(seen["before"], key=amount)
    assert figures != seen["before"]
    assert (seen["first"], seen["falling"]) == ("descending", figures[::-1])
    assert (seen["second"], seen["rising"]) == ("ascending", figures)
    assert (seen["third"], seen["names"]) == ("ascending", sorted(seen["names"]))
    assert seen["marked"] == 1


LIGHT, DARK = "rgb(251, 250, 248)", "rgb(20, 23, 26)"


def test_the_theme_follows_the_system_and_the_button(
    seen: dict[str, Any], page: str, tmp_path: Path
) -> None:
    assert seen["themes"] == [LIGHT, DARK, LIGHT]
    dark = probe(tmp_path, page, "--blink-settings=preferredColorScheme=0")
    assert dark["themes"] == [DARK, LIGHT, DARK]


def test_a_channel_can_be_looked_at(seen: dict[str, Any], optimized: Path) -> None:
    plan = json.loads((optimized / "plan.json").read_text("utf-8"))
    assert seen["slices"] == len(plan["layers"][0]["groups"][0]["representatives"])


def test_words_in_figures_neither_overlap_nor_leave_them(seen: dict[str, Any]) -> None:
    assert seen["drawings"] > 20
    assert seen["crowded"] == []
    assert seen["outside"] == []


def test_a_narrow_page_does_not_scroll_sideways(page: str, tmp_path: Path) -> None:
    narrow = probe(tmp_path, page, "--window-size=500,900")
    assert narrow["width"] <= 500
    assert narrow["overflow"] == 0
    assert narrow["outside"] == []
