"""The measures of a crop's canvas: one field, upright and flat, with a margin around it."""

from __future__ import annotations

FIELD_PX = 64
"""Height of every field in its crop."""
MARGIN_PX = 16
"""A quarter of the height, on every side."""
MAX_WIDTH_PX = 640
