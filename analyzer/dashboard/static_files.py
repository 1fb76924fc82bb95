"""Style sheets and scripts: read once, named by what they hold, kept by browsers for as long as they like."""

import hashlib
from importlib import resources
from types import MappingProxyType

from aiohttp import web

_KINDS = MappingProxyType({"css": "text/css", "js": "text/javascript"})
_FOR_EVER = "public, max-age=31536000, immutable"


class StaticFiles:
    """All files of `static`, and the style sheet of studies."""

    def __init__(self) -> None:
        self._urls: dict[str, str] = {}
        self._files: dict[str, tuple[bytes, str]] = {}
        report = resources.files("analyzer.report") / "templates" / "report.css"
        for file in (*(resources.files("analyzer.dashboard") / "static").iterdir(), report):
            stem, _, kind = file.name.rpartition(".")
            if kind in _KINDS:
                body = file.read_bytes()
                named = f"{stem}.{hashlib.sha256(body).hexdigest()[:12]}.{kind}"
                self._urls[file.name] = f"/static/{named}"
                self._files[named] = body, _KINDS[kind]

    def url(self, name: str) -> str:
        """Where a file is served; another one whenever its bytes change."""
        return self._urls[name]

    def add_to(self, app: web.Application) -> None:
        """Adds the route."""
        app.router.add_get("/static/{name}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        found = self._files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        body, kind = found
        headers = {"Cache-Control": _FOR_EVER}
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)
