"""Bytes to meaning: HTTP heads, server-sent events, one dialect per API. Pure: no clock, no socket, no file."""
