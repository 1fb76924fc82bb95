"""What the wire formats raise, and nothing else."""


class WireError(Exception):
    """Bytes that cannot be read; the message says why, without quoting them."""
