"""The HTML page: the frame of its sections, and the policy that nothing else is loaded or run."""

from base64 import b64encode
from hashlib import sha256

from crshare.report.page.cards import cards
from crshare.report.page.document import Document
from crshare.report.page.markup import Markup, element, in_lines, own_files
from crshare.report.page.section import Section, noted
from crshare.report.page.sections import SECTIONS
from crshare.report.verdict import verdict


def render(document: Document) -> str:
    """The whole page; it needs no network and no other file."""
    title = f"{document.report.model}: {'sharing plan' if document.plan else 'analysis'}"
    page = element("html", in_lines(_head(title), _body(document, title)), lang="en")
    return f"<!doctype html>\n{page.html}\n"


def framed(title: str, kind: str, lead: str, *parts: Markup) -> str:
    """A page of another kind of report: what it is, a line on it, and its parts."""
    header = element(
        "header",
        element("p", kind, class_="kind"),
        element("h1", title),
        element("p", lead, class_="lead"),
        element("button", "dark or light", id="theme", type="button", hidden=True),
    )
    main = element("main", in_lines(*parts))
    body = element("body", in_lines(header, main, element("script", script())))
    page = element("html", in_lines(_head(title), body), lang="en")
    return f"<!doctype html>\n{page.html}\n"


def _head(title: str) -> Markup:
    """With the rule that nothing but the page's own style and script is loaded or run."""
    rule = (
        f"default-src 'none'; img-src data:; style-src {_digest(style())}; "
        f"script-src {_digest(script())}; base-uri 'none'; form-action 'none'"
    )
    lines = in_lines(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=rule),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", style()),
    )
    return element("head", lines)


def _digest(own: Markup) -> str:
    digest = b64encode(sha256(own.html.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _body(document: Document, title: str) -> Markup:
    sections = _sections(document)
    links = (element("li", element("a", s.title, href=f"#{s.name}")) for s in sections)
    header = element(
        "header",
        element("p", f"crshare {document.report.crshare}", class_="kind"),
        element("h1", title),
        _lead(document),
        *_verdict(document),
        element("button", "dark or light", id="theme", type="button", hidden=True),
    )
    navigation = element("nav", element("ul", *links))
    main = element("main", in_lines(cards(document), navigation, *map(_section, sections)))
    return element("body", in_lines(header, main, element("script", script())))


def _sections(document: Document) -> list[Section]:
    return [section for draw in SECTIONS if (section := draw(document)) is not None]


def section_titles(document: Document) -> list[str]:
    return [section.title for section in _sections(document)]


def style() -> Markup:
    return own_files("colours.css", "drawing.css", "page.css")


def drawing_style() -> Markup:
    """The part of the style that a drawing in a file of its own needs."""
    return own_files("colours.css", "drawing.css")


def script() -> Markup:
    return own_files("script.js")


def _lead(document: Document) -> Markup:
    words = f"{document.report.library}, {len(document.layers)} layers with binary weights."
    if document.report.lossless:
        words += " Lossless: repeated and inverse slices only; no output can differ."
    if document.search and document.search.stopped != "finished":
        words += f" The search ended early ({document.search.stopped})."
    return element("p", words, class_="lead")


def _verdict(document: Document) -> list[Markup]:
    if document.plan is None:
        return []
    return [element("p", verdict(document.plan, document.luts), class_="verdict")]


def _section(section: Section) -> Markup:
    title = element("h2", section.title)
    note = [noted(section.note)] if section.note else []
    return element("section", title, *note, section.body, id=section.name)
