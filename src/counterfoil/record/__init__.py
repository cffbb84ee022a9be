"""The record: an append-only, tamper-evident log of entries, in public C2SP formats, and replaying it."""
