"""Tests of reading an election."""
