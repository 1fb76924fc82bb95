"""The capture directory, looked at before anything starts: later, nobody would be there to read why it fails."""

import os
from pathlib import Path


class PlaceError(Exception):
    """Why a directory cannot be used, and what to do about it; one line."""


def prepare(directory: Path) -> None:
    """Makes the capture directory, private to this user.

    Raises:
        PlaceError: it cannot be made, or this user may not write there.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise PlaceError(f"{_named(directory)} is no directory; {_CHOOSE}") from None
    except OSError as error:
        raise PlaceError(f"{_named(directory)} cannot be made ({error.strerror}); {_CHOOSE}") from None
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise PlaceError(f"{_named(directory)} may not be read and written by this user; {_CHOOSE}")


_CHOOSE = "mend that, or choose another with capture.dir"


def _named(directory: Path) -> str:
    return f"the capture directory {directory}"
