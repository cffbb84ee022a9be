"""Errors, in families by who can act on them.

* `InputError`: the person who brought a file or an option can mend it.
* `RecordError`: the record does not hold what it must; an engineer looks at the disk or the key.
* `Refusal`: the input is fine, but the question may not be answered from it (an estimate without a sample).

Each carries one sentence in the form *expected, found, where, what to do*, and a stable `code`: the code goes out to
programs, the sentence to people.
"""

from __future__ import annotations


class CounterfoilError(Exception):
    """Base of every refusal and failure that Counterfoil raises on purpose."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class InputError(CounterfoilError):
    """A file, table or option that was brought to us is not what it must be."""

    def __init__(self, where: str, *, expected: str, found: str, do: str = "", code: str = "bad-input") -> None:
        self.where, self.expected, self.found, self.do = where, expected, found, do
        advice = f"; {do}" if do else ""
        super().__init__(f"{where}: expected {expected}, found {found}{advice}.", code=code)


class RecordError(CounterfoilError):
    """The record, a checkpoint, a key or an object is not what its own rules demand."""

    def __init__(self, message: str, *, code: str = "bad-record") -> None:
        super().__init__(message, code=code)


class Refusal(CounterfoilError):  # noqa: N818 - it is an answer, not a failure
    """The question has no honest answer from this input; the message says why."""

    def __init__(self, message: str, *, code: str = "refused") -> None:
        super().__init__(message, code=code)
