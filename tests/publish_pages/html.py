"""A small reader of the pages' HTML for tests: elements with their text, end tags that HTML lets out included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "img", "input", "hr", "path", "rect"}
_CLOSES = {
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
    "thead": {"td", "th", "tr"},
    "tbody": {"td", "th", "tr", "thead", "tbody"},
    "li": {"li"},
}


@dataclass(eq=False)
class Element:
    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def walk(self) -> Iterator[Element]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def up(self) -> Iterator[Element]:
        """The element and everything around it."""
        at: Element | None = self
        while at is not None:
            yield at
            at = at.parent

    def find(self, tag: str, **attributes: str) -> list[Element]:
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        return [e for e in self.walk() if e.tag == tag and all(e.attributes.get(k) == v for k, v in wanted.items())]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        while self.at.tag in _CLOSES.get(tag, set()):
            assert self.at.parent is not None
            self.at = self.at.parent
        element = Element(tag, {key: value or "" for key, value in attrs}, self.at)
        self.at.children.append(element)
        if tag not in _VOID:
            self.at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.children.append(Element(tag, {key: value or "" for key, value in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        around = [e.tag for e in self.at.up()]
        assert tag in around, f"</{tag}> closes nothing; open: {around}"
        while self.at.tag != tag:
            assert self.at.parent is not None
            self.at = self.at.parent
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def read(data: bytes) -> Element:
    """The tree of a page.

    Raises:
        AssertionError: an end tag that closes nothing.
    """
    reader = _Reader()
    reader.feed(data.decode("utf-8"))
    reader.close()
    return reader.root
