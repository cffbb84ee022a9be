"""What the reader in the jail is handed before its first photo: templates and calibration in one file.

The same templates and calibration give the same bytes, so that their hash says what a reading was made with.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from counterfoil.election.templates import FormTemplate, read_template_bytes, write_template_zip

MODULE = "counterfoil.reading.jailed"
"""The program that is handed it."""
PACKAGES = ("cv2", "numpy", "onnxruntime", "PIL", "rapidocr", "scipy", "yaml", "zxingcpp")
"""What it imports beside the standard library and ourselves: all that can be seen in its jail."""
_CALIBRATION = "calibration.json"


def pack(templates: Sequence[FormTemplate], calibration: bytes | None = None) -> bytes:
    """Templates with their pictures, and what `reader fit` wrote; None: as shipped."""
    files = {f"{number}.template.zip": write_template_zip(template) for number, template in enumerate(templates)}
    if calibration is not None:
        files[_CALIBRATION] = calibration
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def unpack(given: bytes) -> tuple[list[FormTemplate], bytes | None]:
    """What `pack` was given."""
    with zipfile.ZipFile(io.BytesIO(given)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    calibration = files.pop(_CALIBRATION, None)
    return [read_template_bytes(data, name) for name, data in files.items()], calibration
