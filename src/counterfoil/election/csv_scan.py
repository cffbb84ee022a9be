"""One pass over the bytes of a CSV file before anything is parsed: encoding, quotes, ragged lines, delimiter.

Parsers of CSV are lenient: a line with too few cells becomes a row with unknown figures, an unclosed quote swallows the
rest of the file. Here nothing is repaired. The file is read in blocks of a few MB with NumPy, so that memory does not
depend on its size.

The rules are RFC 4180's: a cell is quoted as a whole or not at all, a quote inside is doubled. LF and CRLF both end a
line; a line without any character is no row.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from counterfoil.primitives.errors import InputError

BLOCK_BYTES = 4_000_000
MAX_HEADER_BYTES = 1_000_000
BOMS = {codecs.BOM_UTF8: "UTF-8", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_LF, _CR, _QUOTE = 10, 13, 34


@dataclass(frozen=True, slots=True)
class CsvShape:
    """What the pass found."""

    header: tuple[str, ...]
    rows: int
    """Lines of data, lines without any character not counted."""
    multiline: bool
    """Whether a quoted cell holds a line break (then row and line numbers differ)."""


def scan_csv_bytes(path: Path, name: str, delimiter: str = ",") -> CsvShape:
    """Checks a UTF-8 file and reads its header.

    Raises:
        InputError: empty, UTF-16, not UTF-8, another delimiter, no header, an empty or repeated column name, a line
            with more or fewer cells than the header, a quote inside a cell, a quote never closed; names the line.
    """
    with path.open("rb") as stream:
        start = stream.read(4)
        if start[:2] in BOMS:
            raise InputError(
                f"{name}, line 1",
                expected="UTF-8",
                found=f"a UTF-16 byte order mark (0x{start[:2].hex()})",
                do="save the file as UTF-8, or say `encoding: utf-16`",
                code="not-utf-8",
            )
        stream.seek(3 if start[:3] == codecs.BOM_UTF8 else 0)
        pass_ = _Pass(name, ord(delimiter))
        while block := stream.read(BLOCK_BYTES):
            pass_.block(block)
        return pass_.finish()


class _Pass:
    def __init__(self, name: str, delimiter: int) -> None:
        self.name, self.delimiter = name, delimiter
        self.decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self.line = 1
        """Line of the next byte."""
        self.record_line = 1
        """Line on which the record that is being read began."""
        self.cells = 1
        self.record_bytes = 0
        self.inside = False
        self.quote_line = 1
        self.previous = _LF
        self.pending_quote = False
        """The last byte was a quote that may have closed a cell; the next byte says."""
        self.head = b""
        self.header: tuple[str, ...] = ()
        """Empty until it has been read."""
        self.rows = 0
        self.multiline = False

    def bad(self, line: int, expected: str, found: str, code: str, do: str = "") -> InputError:
        return InputError(f"{self.name}, line {line}", expected=expected, found=found, code=code, do=do)

    def block(self, block: bytes) -> None:
        self.check_text(block)
        data: NDArray[np.uint8] = np.frombuffer(block, dtype=np.uint8)
        outside = self.quotes(data)
        newline = data == _LF
        ends = np.flatnonzero(newline & outside) if outside is not None else np.flatnonzero(newline)
        commas = data == self.delimiter
        if outside is not None:
            commas &= outside
        self.records(block, np.flatnonzero(newline), ends, np.flatnonzero(commas))
        self.previous = block[-1]

    def check_text(self, block: bytes) -> None:
        try:
            self.decoder.decode(block)
        except UnicodeDecodeError as error:
            carried = len(error.object) - len(block)
            at = max(error.start - carried, 0)
            raise self.bad(
                self.line + block.count(b"\n", 0, at),
                "UTF-8",
                f"the byte 0x{error.object[error.start]:02x}",
                "not-utf-8",
                do="save the file as UTF-8, or say its `encoding:` (such as latin-1)",
            ) from None
        zero = block.find(b"\0")
        if zero >= 0:
            raise self.bad(
                self.line + block.count(b"\n", 0, zero), "text", "a zero byte (UTF-16 or no text file)", "not-utf-8"
            )

    def quotes(self, data: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
        """Which bytes stand outside quotes; None: all of them."""
        at = np.flatnonzero(data == _QUOTE)
        if not len(at) and not self.inside and not self.pending_quote:
            return None
        before = np.concatenate((np.array([self.previous], dtype=np.uint8), data[:-1]))
        boundary = (before == self.delimiter) | (before == _LF)
        # parity after each byte; a doubled quote leaves and enters again, so both rules below see it as well
        parity = (np.cumsum(data == _QUOTE, dtype=np.int64) + self.inside) & 1
        opening = at[parity[at] == 1]
        wrong = opening[~boundary[opening] & (before[opening] != _QUOTE)]
        after_quote = np.flatnonzero((before == _QUOTE) & (parity == 0) & (data != _QUOTE))
        fine = (data == self.delimiter) | (data == _LF) | (data == _CR)
        stray = after_quote[~fine[after_quote]]
        first = min([*wrong[:1].tolist(), *stray[:1].tolist()], default=None)
        if first is not None:
            line = self.line + int(np.count_nonzero(data[:first] == _LF))
            raise self.bad(
                line, "quotes around a whole cell, doubled inside it", "a quote within a cell", "stray-quote"
            )
        if len(opening):
            self.quote_line = self.line + int(np.count_nonzero(data[: opening[-1]] == _LF))
        self.inside = bool(parity[-1])
        self.pending_quote = bool(data[-1] == _QUOTE)
        return np.asarray(parity == 0)

    def records(
        self, block: bytes, newlines: NDArray[np.int64], ends: NDArray[np.int64], commas: NDArray[np.int64]
    ) -> None:
        self.multiline = self.multiline or len(newlines) != len(ends)
        begin = 0
        if not self.header:
            if len(ends):
                begin = int(ends[0]) + 1
            self.head += block[: begin or len(block)]
            if len(self.head) > MAX_HEADER_BYTES:
                raise self.bad(1, "a header line", f"no end of the first line in {MAX_HEADER_BYTES} bytes", "no-header")
            if not begin:
                self.line += len(newlines)
                return
            self.read_header()
            self.line += int(np.searchsorted(newlines, begin))
            self.record_line = self.line
            newlines, ends, commas = newlines[newlines >= begin], ends[1:], commas[commas >= begin]
        starts = np.concatenate((np.array([begin], dtype=np.int64), ends + 1))
        per_record = np.diff(np.searchsorted(commas, np.concatenate((starts, np.array([len(block)])))))
        per_record[0] += self.cells - 1
        sizes = np.diff(np.concatenate((starts, np.array([len(block)]))))
        sizes[0] += self.record_bytes
        done = len(ends)
        lines = self.line + np.searchsorted(newlines, starts)
        lines[0] = self.record_line
        self.check_records(block, per_record[:done], sizes[:done], lines, starts)
        self.cells, self.record_bytes = int(per_record[done]) + 1, int(sizes[done])
        self.line += len(newlines)
        self.record_line = int(lines[done])

    def check_records(
        self,
        block: bytes,
        commas: NDArray[np.int64],
        sizes: NDArray[np.int64],
        lines: NDArray[np.int64],
        starts: NDArray[np.int64],
    ) -> None:
        blank = (sizes == 1) | ((sizes == 2) & (commas == 0) & self.begins_with_cr(block, starts[: len(sizes)]))
        self.rows += int(len(sizes) - np.count_nonzero(blank))
        ragged = np.flatnonzero((commas + 1 != len(self.header)) & ~blank)
        if len(ragged):
            raise self.ragged(int(lines[ragged[0]]), int(commas[ragged[0]]) + 1)

    def begins_with_cr(self, block: bytes, starts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """A record of two bytes that begins with CR is CRLF: a blank line."""
        data = np.frombuffer(block, dtype=np.uint8)
        found = np.asarray(data[np.minimum(starts, len(data) - 1)] == _CR)
        if len(found) and self.record_bytes:  # it began in the block before
            found[0] = self.previous == _CR
        return found

    def ragged(self, line: int, cells: int) -> InputError:
        return self.bad(
            line,
            f"{len(self.header)} cells, as in the header",
            f"{cells}",
            "ragged-line",
            do="complete or mend the line",
        )

    def read_header(self) -> None:
        text = self.head.decode("utf-8").rstrip("\r\n")
        header = tuple(name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=chr(self.delimiter)), []))
        if len(header) <= 1:
            for other, word in ((";", "semicolons"), ("\t", "tabs"), (",", "commas"), ("|", "bars")):
                if ord(other) != self.delimiter and other in text:
                    raise self.bad(
                        1,
                        f"cells separated by {chr(self.delimiter)!r}",
                        word,
                        "other-delimiter",
                        do=f"save the file with commas, or say `delimiter: {other!r}`".replace("'", '"'),
                    )
        for column, column_name in enumerate(header, 1):
            if not column_name:
                raise self.bad(1, "a name for each column", f"none for column {column}", "no-header")
            if header.index(column_name) != column - 1:
                raise self.bad(1, "each column once", f"{column_name} twice", "duplicate-column")
        if not header:
            raise self.bad(1, "a header line", "an empty line", "no-header")
        self.header = header

    def finish(self) -> CsvShape:
        self.check_text_end()
        if self.inside:
            raise self.bad(self.quote_line, "a quote that closes", "the end of the file", "open-quote")
        if not self.header:
            if not self.head.strip():
                raise InputError(self.name, expected="a header line and rows", found="an empty file", code="empty-file")
            self.read_header()
        elif self.record_bytes:  # the last line has no line break
            if self.cells != len(self.header):
                raise self.ragged(self.record_line, self.cells)
            self.rows += 1
        return CsvShape(self.header, self.rows, self.multiline)

    def check_text_end(self) -> None:
        try:
            self.decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise self.bad(self.line, "UTF-8", "a character cut off at the end of the file", "not-utf-8") from None


def line_of_row(path: Path, row: int, encoding: str = "utf-8-sig", delimiter: str = ",") -> int:
    """The line on which data row `row` (from 0, blank lines counted) begins; reads the file as far as that row."""
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter)
        for _ in range(row + 1):  # the header and the rows before
            next(reader)
        return reader.line_num + 1
