"""Admission, candidate legs, capture. Nobody waits here: `offer` is the only way in, and it never blocks."""
