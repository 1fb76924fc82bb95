"""Pairs of a file, in memory."""
