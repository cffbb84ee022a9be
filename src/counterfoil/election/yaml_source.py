"""YAML that people wrote, read as plain data with the line and column of every value.

* Only plain data: texts, whole numbers, true, false, nothing, lists, keys with values. No tags, no merge keys.
* YAML 1.2's few words are special (true, false, null, decimal integers); `no`, `on`, `12:30`, `007`, `2024-07-28` and
  `0.5` stay texts, so that an option may be called `no` and an id keeps its zeros.
* A key stands once. Aliases may repeat a little and never expand into a "bomb".
* The whole file is read or nothing is: one document, UTF-8, at most 4 MB, at most 50 levels.

    >>> plain, locate = read_yaml(b"a:\\n  - {b: 1}\\n", "x.yaml")
    >>> locate(("a", 0, "b"))
    'x.yaml, line 2, column 6'
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from counterfoil.election.nodes import Locate, Path
from counterfoil.primitives.errors import InputError

MAX_YAML_BYTES = 4_000_000
"""A definition with 1,000 contests of 30 options takes about 2.5 MB."""
MAX_DEPTH = 50
MAX_REPEATED = 10_000
"""Values that aliases may repeat, all together; the classic bomb repeats 10 ** 9."""

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip

Mark = tuple[int, int]
"""Line and column, both from 1."""


def read_yaml(data: bytes, name: str) -> tuple[Any, Locate]:
    """The plain data of one YAML document, and a function that says where a path of it stands in the file `name`.

    Raises:
        InputError: not UTF-8, too large or deep, a second document, a duplicate key, a tag, too many repeats, or a
            text that is not YAML; names line and column.
    """
    if len(data) > MAX_YAML_BYTES:
        raise InputError(
            name, expected=f"at most {MAX_YAML_BYTES} bytes", found=f"{len(data)} bytes", code="yaml-too-large"
        )
    builder = _Builder(name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{name}, line {line}",
            expected="UTF-8 text",
            found=f"the byte 0x{data[error.start]:02x}",
            do="save the file as UTF-8",
            code="not-utf-8",
        ) from None
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InputError(
            builder.at((mark.line + 1, mark.column + 1)) if mark else name,
            expected="YAML",
            found=" ".join(part for part in (error.context, error.problem) if part),
            code="not-yaml",
        ) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise InputError(name, expected="YAML", found=" ".join(str(error).split())[:200], code="not-yaml") from None
    marks = builder.marks

    def locate(path: Path) -> str:
        for length in range(len(path), -1, -1):  # what is missing has no place: its parent has
            if path[:length] in marks:
                return builder.at(marks[path[:length]])
        return name

    return builder.root, locate


@dataclass(slots=True)
class _Open:
    """A list or mapping that is still being read."""

    value: Any
    path: Path
    anchor: str | None
    start: int
    """Number of values read before it."""
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Takes the parser's events one by one: nothing is built that has not been counted first."""

    name: str
    root: Any = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    values: int = 0
    repeated: int = 0
    documents: int = 0

    def at(self, mark: Mark) -> str:
        return f"{self.name}, line {mark[0]}, column {mark[1]}"

    def bad(self, mark: Mark, expected: str, found: str, code: str, do: str = "") -> InputError:
        return InputError(self.at(mark), expected=expected, found=found, code=code, do=do)

    def take(self, event: yaml.Event) -> None:
        start = event.start_mark
        mark = (start.line + 1, start.column + 1) if start else (1, 1)
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise self.bad(mark, "one document", "a second one after ---", "several-documents")
            case yaml.AliasEvent():
                self.alias(event, mark)
            case yaml.ScalarEvent():
                self.scalar(event, mark)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self.tagless(event, mark)
                if len(self.stack) >= MAX_DEPTH:
                    raise self.bad(mark, f"at most {MAX_DEPTH} levels", "more", "yaml-too-deep")
                value: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
                path = self.place(value, mark)
                self.stack.append(_Open(value, path, event.anchor, self.values))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = self.stack.pop()
                if done.anchor is not None:
                    self.anchors[done.anchor] = (done.value, self.values - done.start + 1)

    def tagless(self, event: yaml.NodeEvent, mark: Mark) -> None:
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise self.bad(mark, "plain data without tags", repr(tag), "yaml-tag")

    def scalar(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        self.tagless(event, mark)
        value: Any = event.value
        if event.style is None or event.style == "":  # plain: not in quotes, no block
            if value in _WORDS:
                value = _WORDS[value]
            elif _INTEGER.fullmatch(value):
                value = int(value)
        if self.awaits_key():
            self.key(event.value, mark)
            return
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)
        self.place(value, mark)

    def awaits_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None

    def key(self, text: str, mark: Mark) -> None:
        parent = self.stack[-1]
        if text == "<<":
            raise self.bad(mark, "keys written out", "the merge key <<", "yaml-merge")
        if text in parent.value:
            first = self.marks[(*parent.path, text)]
            raise self.bad(mark, "each key once", f"{text} again (first on line {first[0]})", "duplicate-key")
        parent.key = text
        self.marks[(*parent.path, text)] = mark

    def alias(self, event: yaml.AliasEvent, mark: Mark) -> None:
        if event.anchor not in self.anchors:
            raise self.bad(mark, "an alias of a value that is complete", f"*{event.anchor}", "yaml-alias")
        if self.awaits_key():
            raise self.bad(mark, "a key written out", f"*{event.anchor}", "yaml-alias")
        value, size = self.anchors[event.anchor]
        self.repeated += size
        self.values += size - 1
        if self.repeated > MAX_REPEATED:
            raise self.bad(
                mark,
                f"aliases that repeat at most {MAX_REPEATED} values",
                f"more with *{event.anchor}",
                "yaml-bomb",
                do="write the values out",
            )
        self.place(value, mark)

    def place(self, value: Any, mark: Mark) -> Path:
        """Puts a value where it belongs; returns its path."""
        self.values += 1
        if not self.stack:
            self.root = value
            self.marks[()] = mark
            return ()
        parent = self.stack[-1]
        if isinstance(parent.value, list):
            path = (*parent.path, len(parent.value))
            parent.value.append(value)
            self.marks[path] = mark
        else:
            if parent.key is None:
                raise self.bad(mark, "a text as key", "a list or keys", "yaml-key")
            path = (*parent.path, parent.key)
            parent.value[parent.key] = value
            parent.key = None
        return path
