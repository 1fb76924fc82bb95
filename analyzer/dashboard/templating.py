"""Templates: every value is escaped, a name that is missing is an error."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from aiohttp import web
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from analyzer.dashboard.site import Site
from analyzer.dashboard.static_files import StaticFiles
from analyzer.dashboard.visible import visible

_PACKAGES = ("analyzer.dashboard", "analyzer.report")
"""Where templates are: pages, and what all forms of a study share."""
Navigation = Sequence[tuple[str, str]]
"""(path, title) of the pages that every page links to."""
_CENT = Decimal("0.01")


class Templates:
    """Makes pages."""

    def __init__(self, site: Site, files: StaticFiles, navigation: Navigation) -> None:
        self._site = site
        self._navigation = navigation
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader(package) for package in _PACKAGES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["static"] = files.url
        self._environment.filters.update(
            clock=clock,
            count=count,
            dollars=dollars,
            lasting=lasting,
            machine=machine,
            sentence=sentence,
            visible=visible,
        )

    def render(self, template: str, /, **values: Any) -> str:
        """One template as text."""
        return self._environment.get_template(template).render(**values)

    def page(self, request: web.BaseRequest, template: str, /, *, status: int = 200, **values: Any) -> web.Response:
        """A whole page, with what all of them show."""
        has_login = self._site.token is not None
        text = self.render(template, **values, path=request.path, navigation=self._navigation, has_login=has_login)
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


def count(value: int | None) -> str:
    """1,234; a dash where nothing is known."""
    return "–" if value is None else f"{value:,}"


def dollars(value: Decimal | None) -> str:
    """$1.23; less than a cent with the digits that say something."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= _CENT:
        return f"${value.quantize(_CENT):,}"
    return f"${value.quantize(Decimal('0.0001')):,}"


def clock(at: datetime | None) -> str:
    """A moment as people read it, UTC."""
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def sentence(text: str) -> str:
    """An error's line as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def machine(at: datetime) -> str:
    """A moment as `<time datetime>` has it."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def lasting(span: timedelta | float | None) -> str:
    """A span in its two largest units: `3 h 20 min`."""
    if span is None:
        return "–"
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s"
    whole = round(seconds)
    for large, small, large_s, small_s in (("d", "h", 86400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if whole >= large_s:
            rest = whole % large_s // small_s
            return f"{whole // large_s} {large}" + (f" {rest} {small}" if rest else "")
    raise AssertionError("a minute is the smallest of them")
