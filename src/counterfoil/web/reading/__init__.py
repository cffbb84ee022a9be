"""Readers and arbiters work: tasks are handed out, protocols typed, differences decided."""
