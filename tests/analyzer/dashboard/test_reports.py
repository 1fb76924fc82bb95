"""Past reports on the dashboard, and the role that writes them."""

import asyncio
import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from analyzer.dashboard.nightly import WRITTEN, write_reports
from analyzer.metrics import METRICS
from analyzer.reports.shelf import Shelf
from config.model import Store
from tests.analyzer.dashboard.conftest import Asking, site_of

SETTINGS = {"every": "24h", "keep": 5}


def reports(directory: Path, **more: Any) -> dict[str, Any]:
    return {
        "reports": {**SETTINGS, "at": f"{datetime.now(UTC) - timedelta(hours=1):%H:%M}", "dir": str(directory), **more}
    }


async def test_the_role_writes_what_is_due_and_the_pages_show_it(
    pages_store: Store, open_pages: Any, tmp_path: Path
) -> None:
    site = site_of(pages_store, **reports(tmp_path / "shelf"))
    pages: Asking = await open_pages(site)
    async with asyncio.timeout(60):
        while not Shelf(tmp_path / "shelf").reports():
            await asyncio.sleep(0.05)
    body = await pages.page("/reports")
    (name,) = set(re.findall(r"/reports/(\w+)\.html", body))
    assert "swift" in body
    status, report, headers = await pages.ask("GET", f"/reports/{name}.html")
    assert status == 200
    (style,) = re.findall(r"<style>(.*?)</style>", report, re.DOTALL)
    expected = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert headers["Content-Security-Policy"].startswith(f"default-src 'none'; style-src 'sha256-{expected}'")
    for ending, kind in (("json", "application/json"), ("md", "text/markdown")):
        status, _, headers = await pages.ask("GET", f"/reports/{name}.{ending}")
        assert (status, headers["Content-Type"].partition(";")[0]) == (200, kind)
    assert site.all_figures()[WRITTEN] == 1


async def test_nothing_else_is_served(pages_store: Store, open_pages: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    pages: Asking = await open_pages(site_of(pages_store, **reports(tmp_path, at="00:00", every="8760h")))
    for path in ("/reports/notes.json", "/reports/..%2fnotes.json", "/reports/20200101T000000Z.html"):
        status, _, _ = await pages.ask("GET", path)
        assert status == 404, path


async def test_without_reports_the_page_says_how_to_have_them(pages_store: Store, open_pages: Any) -> None:
    pages: Asking = await open_pages(site_of(pages_store))
    assert "No reports are written by themselves" in await pages.page("/reports")


async def test_a_disk_that_takes_nothing_is_counted_and_tried_again(pages_store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    site = site_of(pages_store, **reports(tmp_path / "file"))
    task = asyncio.get_running_loop().create_task(write_reports(site, METRICS))
    async with asyncio.timeout(60):
        while not site.all_figures().get("shadowbench_dashboard_report_failures_total"):
            await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    site.close()
