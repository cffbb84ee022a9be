"""The whole way from a photo to figures: one independent reader, which knows what it does not know.

    photo -> pixels -> codes -> page -> crops -> readers -> merged -> whole sheet -> certainty -> outcome

* `raw` is what the readers see, without arithmetic: the only reading of the paper. `value`, `state` and `p` are what
  the whole sheet makes likeliest. Where the two differ, the field goes to people, and both are kept.
* A rule that is broken is reported, never repaired.
* A page that is refused has no figures at all.
* The same photo gives the same answer on every run, on one thread; no file is opened after the reader is made.

Leaves out: who may see what, the record, the database, and whose figures count.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np

from counterfoil.election.templates import FormTemplate, picture_of
from counterfoil.primitives.errors import InputError
from counterfoil.reading.belief import Belief, Crop, Quad, Rgb
from counterfoil.reading.codes import KINDS, read_codes
from counterfoil.reading.confidence import Calibration, shipped
from counterfoil.reading.crops import crops, crops_given, field_quads
from counterfoil.reading.digits import DigitsReader
from counterfoil.reading.given import Outlines
from counterfoil.reading.joint import Rule
from counterfoil.reading.line import LineReader
from counterfoil.reading.pages import decode, gates
from counterfoil.reading.register import prepare, register
from counterfoil.reading.sheet import LEAST_INSIDE, BrokenRule, FieldReading, Observed, conclude

VERSION = "5"
"""Of the reader as shipped; a fitted calibration adds to it. The record says `counterfoil-reader@VERSION`."""

cv2.setNumThreads(1)


class FieldReader(Protocol):
    """One of the readers of a field."""

    name: str

    def read(self, crops: Sequence[Crop]) -> list[Belief]: ...


@dataclass(frozen=True, slots=True)
class PageReading:
    """One photo."""

    accepted: bool
    reason: str | None
    template: str
    page: int | None
    variant: str | None
    code: str | None
    """The reason of a refusal in one stable word, such as `wrong-page`; None where it was accepted."""
    residual_px: float
    quad: Quad
    codes: tuple[Mapping[str, str], ...]
    fields: Mapping[str, FieldReading]
    places: Mapping[str, Quad]
    """Each field in the photo."""
    broken_rules: tuple[BrokenRule, ...]
    seconds: float
    observed: tuple[Observed, ...] = ()
    """What was seen of each field, before anything was concluded."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each step."""

    def to_dict(self) -> dict[str, Any]:
        """What `counterfoil read --json` prints."""
        return {
            "page": {
                "accepted": self.accepted,
                "reason": self.reason,
                "template": self.template,
                "page": self.page,
                "variant": self.variant,
                "code": self.code,
                "registration_residual_px": round(self.residual_px, 3),
                "quad": [[round(float(x), 1), round(float(y), 1)] for x, y in self.quad],
            },
            "codes": [dict(code) for code in self.codes],
            "fields": {name: reading.to_dict() for name, reading in self.fields.items()},
            "broken_rules": [rule.to_dict() for rule in self.broken_rules],
            "seconds": round(self.seconds, 3),
        }


class Reader:
    """Reads photos. Make one a process: the networks are loaded here."""

    def __init__(
        self,
        templates: Sequence[FormTemplate] = (),
        *,
        calibration: bytes | None = None,
        readers: Sequence[FieldReader] | None = None,
    ) -> None:
        """
        Args:
            templates: with their pictures; a photo is looked for on all their pages.
            calibration: contents of a file that `counterfoil reader fit` wrote; None: as shipped.
            readers: instead of those that are shipped; for measuring one alone.
        """
        self._pages = [
            (template, prepare(template.name, page, decode(picture_of(page))))
            for template in templates
            for page in template.pages
        ]
        codes = [code for _, prepared in self._pages for code in prepared.page.codes]
        self._tags = sorted({code.dictionary for code in codes if code.kind == "apriltag" and code.dictionary})
        self._kinds = sorted({code.kind for code in codes} & set(KINDS))
        self.calibration = shipped() if calibration is None else Calibration.from_bytes(calibration)
        self._readers: tuple[FieldReader, ...] = (
            (DigitsReader(taught=self.calibration.network), DigitsReader(recurrent=True), LineReader())
            if readers is None
            else tuple(readers)
        )
        self.version = VERSION if calibration is None else f"{VERSION}-{self.calibration.version}"

    def read(self, photo: bytes) -> PageReading:
        """A photo of a page of one of the templates.

        What can't be decoded, shows nothing, or is no such page comes back refused, with the reason and no figure.
        """
        clock = Clock()
        try:
            with clock.stage("decode"):
                image = decode(photo)
                reason = gates(image)
        except InputError as error:
            return self._refused(str(error), error.code, clock)
        if reason is not None:
            return self._refused(reason, "unreadable", clock, _whole(image))
        with clock.stage("codes"):
            codes = read_codes(image, self._tags, self._kinds) if self._tags or self._kinds else ()
        with clock.stage("page"):
            found = register(image, [prepared for _, prepared in self._pages], codes)
        seen = tuple({"kind": code.kind, "payload": code.payload} for code in codes)
        if not found.accepted or found.page is None or found.residual_px is None or found.quad is None:
            quad = _whole(image) if found.quad is None else found.quad
            return self._refused(found.reason or "", found.code or "", clock, quad, seen)
        template, prepared = next(
            (template, prepared)
            for template, prepared in self._pages
            if prepared.page is found.page and prepared.template == found.template
        )
        with clock.stage("crops"):
            quads = field_quads(image, found, prepared)
            cut = crops(image, quads, prepared)
        observed = self.observe(cut, clock)
        rules = [Rule(rule.parts, rule.total) for rule in template.sums]
        with clock.stage("joint"):
            fields, broken = conclude(observed, rules, self.calibration, found.residual_px)
        return PageReading(
            accepted=True,
            reason=None,
            template=template.name,
            page=found.page.number,
            variant=found.page.variant,
            code=None,
            residual_px=found.residual_px,
            quad=found.quad,
            codes=seen,
            fields=fields,
            places=quads,
            broken_rules=broken,
            seconds=clock.whole(),
            observed=tuple(observed),
            stages=clock.stages,
        )

    def crops(self, photo: bytes) -> list[Crop]:
        """The fields of a photo, flat, for who learns from them; none where it is no page of the templates.

        Raises:
            InputError: `photo` is no picture that can be decoded.
        """
        image = decode(photo)
        codes = read_codes(image, self._tags, self._kinds) if self._tags or self._kinds else ()
        found = register(image, [prepared for _, prepared in self._pages], codes)
        if not found.accepted:
            return []
        prepared = next(p for _, p in self._pages if p.page is found.page and p.template == found.template)
        cut = crops(image, field_quads(image, found, prepared), prepared)
        return [crop for crop in cut if crop.seen >= LEAST_INSIDE]

    def _refused(
        self,
        reason: str,
        code: str,
        clock: Clock,
        quad: Quad | None = None,
        codes: tuple[Mapping[str, str], ...] = (),
    ) -> PageReading:
        return PageReading(
            accepted=False,
            reason=reason,
            template=self._pages[0][0].name if len({template.name for template, _ in self._pages}) == 1 else "",
            page=None,
            variant=None,
            code=code,
            residual_px=0.0,
            quad=np.zeros((4, 2)) if quad is None else quad,
            codes=codes,
            fields={},
            places={},
            broken_rules=(),
            seconds=clock.whole(),
            stages=clock.stages,
        )

    def read_given(self, photo: bytes, given: Outlines) -> PageReading:
        """A photo whose fields' outlines are known: nothing is registered, and no page refused.

        Raises:
            InputError: `photo` is no picture that can be decoded.
        """
        clock = Clock()
        with clock.stage("decode"):
            image = decode(photo)
        with clock.stage("crops"):
            crops = crops_given(image, given.quads)
        observed = self.observe(crops, clock)
        with clock.stage("joint"):
            fields, broken = conclude(observed, given.rules, self.calibration)
        return PageReading(
            accepted=True,
            reason=None,
            template=given.template,
            page=None,
            variant=None,
            code=None,
            residual_px=0.0,
            quad=_whole(image),
            codes=(),
            fields=fields,
            places=given.quads,
            broken_rules=broken,
            seconds=clock.whole(),
            stages=clock.stages,
        )

    def observe(self, crops: Sequence[Crop], clock: Clock | None = None) -> list[Observed]:
        """What the readers see in each field that lies in the picture."""
        clock = clock or Clock()
        inside = [crop for crop in crops if crop.seen >= LEAST_INSIDE]
        beliefs: dict[str, list[Belief]] = {crop.name: [] for crop in crops}
        for reader in self._readers:
            with clock.stage(reader.name):
                so_far = [beliefs[crop.name] for crop in inside]
                found = reader.read(inside, so_far) if isinstance(reader, LineReader) else reader.read(inside)
                for crop, belief in zip(inside, found, strict=True):
                    beliefs[crop.name].append(belief)
        return [Observed(crop.name, tuple(beliefs[crop.name]), crop.seen) for crop in crops]


class Clock:
    """Seconds since it was made, and of each stage."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - start

    def whole(self) -> float:
        return time.perf_counter() - self._start


def _whole(image: Rgb) -> Quad:
    height, width = image.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
