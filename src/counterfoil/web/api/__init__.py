"""The API: everything that the pages do, versioned, with tokens."""
