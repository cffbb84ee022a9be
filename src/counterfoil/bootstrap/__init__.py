"""Builds the object graph of the server's programs."""
