"""Which shadowbench this is."""

from importlib import metadata


def version() -> str:
    """The installed version."""
    try:
        return metadata.version("shadowbench")
    except metadata.PackageNotFoundError:
        return "0+source"
