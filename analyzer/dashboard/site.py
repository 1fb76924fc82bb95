"""What all pages share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from analyzer.dashboard.figures import Figures
from analyzer.dashboard.store_thread import StoreThread, Trouble, now
from config.model import Config
from runtime.log import Log

STUDY_S = 300.0
"""How long a study is waited for: a month of a busy gateway, on a busy machine."""


@dataclass(slots=True)
class Site:
    """One per process; a reload replaces its configuration."""

    config: Config
    reading: StoreThread
    writing: StoreThread
    studies: StoreThread
    """For what takes seconds: pages that want a row do not wait behind it."""
    figures: Figures
    log: Log
    clock: Callable[[], datetime] = now
    """UTC."""
    admin_url: str = ""
    """Where the supervisor of this machine is asked and told; empty: nowhere."""

    @classmethod
    def of(cls, config: Config, log: Log) -> "Site":
        """Over the configured store, which need not answer yet."""
        figures = Figures()
        reading, writing = StoreThread(config.store, "reader"), StoreThread(config.store, "writer")
        studies = StoreThread(config.store, "reader", answer_s=STUDY_S)

        def noted(trouble: Trouble | None) -> None:
            if trouble is None:
                log.info("the store answers again")
            else:
                figures.count("shadowbench_dashboard_store_failures_total")
                log.warning("the store does not answer", reason=trouble.reason)

        reading.on_change = writing.on_change = studies.on_change = noted
        return cls(config, reading, writing, studies, figures, log)

    @property
    def token(self) -> str | None:
        """What people log in with, as of now; None: nobody needs one."""
        token = self.config.dashboard.token
        return None if token is None else token.get_secret_value()

    def all_figures(self) -> dict[str, float]:
        """For `/metrics`."""
        if self.reading.was_asked:
            self.figures.is_store_up = self.reading.trouble is None
        return self.figures.all()

    def close(self) -> None:
        """Ends the threads."""
        self.reading.close()
        self.writing.close()
        self.studies.close()
