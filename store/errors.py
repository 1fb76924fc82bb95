"""What can go wrong with the store, as one line that says what to do."""


class StoreError(Exception):
    """Base of all; its text is one line for the operator."""


class StoreUnavailable(StoreError):  # noqa: N818 - says what happened
    """Not reachable, or not able just now: the same call may work later, and is safe to repeat."""


class StoreRefused(StoreError):  # noqa: N818 - says what happened
    """The server read the rows and said no; repeating the same rows gives the same answer."""


class QueryFailed(StoreError):  # noqa: N818 - says what happened
    """A question that the server could not answer."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        """The server's own error number, if it gave one."""


class SchemaMissing(StoreError):  # noqa: N818 - says what happened
    """The database has no tables of ours yet."""


class SchemaUnknown(StoreError):  # noqa: N818 - says what happened
    """A newer shadowbench wrote this database."""


class DirectoryHeld(StoreError):  # noqa: N818 - says what happened
    """Another process owns the embedded store's directory."""


class EngineMissing(StoreError):  # noqa: N818 - says what happened
    """The embedded engine is not installed, or not for this machine."""


class EngineFailed(StoreError):  # noqa: N818 - says what happened
    """The embedded engine did not open its directory."""
