"""Chromium for tests: Debian's, driven by playwright; what a page says on its console fails the test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, sync_playwright

PATIENCE_MS = 15_000
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Starts it, or skips the test with what to do."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """One browser window with cookies of its own."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.faults: list[str] = []
        """What a console or a policy complained about; connections that fail are not among it."""
        self.page.on("console", lambda message: self._heard(message.type, message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", self._asked)

    def _asked(self, dialog: Dialog) -> None:
        """A page may ask whether it may be left; nothing else."""
        if dialog.type != "beforeunload":
            self.faults.append(f"dialog: {dialog.message}")
        dialog.accept()

    def _heard(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and "Failed to load resource" not in text:
            self.faults.append(text)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def wait(self, selector: str, **more: Any) -> None:
        self.page.wait_for_selector(selector, **more)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)


@contextmanager
def window(browser: Browser, *, viewport: dict[str, int] = DESKTOP, **more: Any) -> Iterator[Window]:
    """A window; it has to end without complaint."""
    context = browser.new_context(viewport=viewport, **more)  # type: ignore[arg-type]
    try:
        one = Window(context)
        yield one
        assert one.faults == []
    finally:
        context.close()
