"""Whole numbers, fractions and percentages in the way a language writes them, fast enough for a million stations.

Separators are taken from CLDR (through Babel) once per language; a figure is then written by string methods alone.
Digits are Western ones in every language: the figures of a protocol must be comparable character by character.
"""

from __future__ import annotations

from fractions import Fraction

from babel import Locale, UnknownLocaleError

_ENGLISH = Locale("en")


class NumberFormat:
    """Writes numbers with the separators of one language.

    >>> NumberFormat("es").whole(1395206)
    '1.395.206'
    """

    def __init__(self, language: str) -> None:
        try:
            locale = Locale.parse(language, sep="-")
        except (UnknownLocaleError, ValueError):
            locale = _ENGLISH
        symbols = locale.number_symbols["latn"]
        self.group: str = symbols["group"]
        self.decimal: str = symbols["decimal"]
        self.minus: str = symbols["minusSign"]
        # A percent sign never stands alone on the next line: the space CLDR gives for ru, be, es is a no-break one.
        pattern: str = locale.percent_formats[None].pattern
        self.percent_sign = "\N{NO-BREAK SPACE}%" if pattern.endswith(("\N{NO-BREAK SPACE}%", " %")) else "%"
        self._cache: dict[int, str] = {}

    def whole(self, value: int) -> str:
        """`value` with group separators."""
        text = self._cache.get(value)
        if text is None:
            digits = f"{abs(value):,}".replace(",", self.group)
            text = self.minus + digits if value < 0 else digits
            if len(self._cache) < 100_000:
                self._cache[value] = text
        return text

    def fraction(self, value: Fraction, digits: int = 1) -> str:
        """`value` with a fixed number of decimals, half to even, computed in integers."""
        scaled = round(value * 10**digits)
        whole, part = divmod(abs(scaled), 10**digits)
        text = self.whole(whole) + (f"{self.decimal}{part:0{digits}d}" if digits else "")
        return self.minus + text if scaled < 0 else text

    def percent(self, value: Fraction, digits: int = 2) -> str:
        """`value` (1 is the whole) as a percentage. Callers put it into an element that carries base and coverage."""
        return self.fraction(value * 100, digits) + self.percent_sign
