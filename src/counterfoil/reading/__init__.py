"""Machine reading: from the photo of a protocol to figures, with how sure of each.

One independent reader among others. It never repairs what the paper says, and never shows a person anything before they
typed. Leaves out: who may see what, the record, the database. Design and measurements: docs/reading.md.
"""
