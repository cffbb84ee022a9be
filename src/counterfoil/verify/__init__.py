"""Checks a publication with nothing but the folder and the log's public key. Written to be read by strangers."""
