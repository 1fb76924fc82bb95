"""From an HTTP request to checked values, and from an answer, or from what went wrong, to JSON."""

import asyncio
import difflib
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_origin

from aiohttp import ClientPayloadError, web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from analyzer.dashboard.api.asked import Impossible
from analyzer.dashboard.api.operations import Operation
from analyzer.dashboard.api.shapes import Error, Query, Told
from analyzer.dashboard.api.together import Crowded
from analyzer.dashboard.site import Site
from analyzer.dashboard.store_thread import Trouble
from store.errors import QueryFailed, StoreError

MAX_DETAILS = 50
"""Faults that are told."""
BODY_S = 30.0
"""In which a body has to be there."""
RETRY_S = 2
"""After which a store that was away may be asked again."""
_JSON = "application/json"

P = TypeVar("P")
Q = TypeVar("Q")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Call(Generic[P, Q, B]):
    """What is asked, checked: place, parameters and body as the operation declares them; None where it has none."""

    place: P
    query: Q
    body: B


class Refusal(Exception):  # noqa: N818 - says what happened
    """There is no answer, for a reason that lies with what was asked."""

    def __init__(
        self, status: int, reason: str, details: list[str] | None = None, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.details = details
        self.retry_after_s = retry_after_s


Answer = Callable[[Call[Any, Any, Any]], Awaitable[Told | bytes]]
"""Computes the answer: a model, or JSON as it is sent."""


def handler(operation: Operation, answer: Answer, site: Site) -> Handler:
    """What serves an operation: checks what is asked, and makes JSON of whatever comes of it."""

    async def handle(request: web.Request) -> web.Response:
        try:
            call = Call(
                None if operation.place is None else _place(operation.place, request),
                _query(operation.query, request),
                None if operation.body is None else await _body(operation, request),
            )
            told = await answer(call)
        except Refusal as refused:
            return _refused(refused)
        except Impossible as error:
            return _refused(Refusal(422, str(error)))
        except Crowded as error:
            return _refused(Refusal(503, str(error), retry_after_s=RETRY_S))
        except QueryFailed as error:
            site.figures.count("shadowbench_dashboard_internal_errors_total")
            site.log.error("question failed", operation=operation.name, error=str(error))
            return error_response(500, "the store does not answer this question; the log has one line about it")
        except StoreError as error:
            return away(error, site.reading.trouble or site.writing.trouble or site.studies.trouble)
        return answered(request, told)

    return handle


def answered(request: web.BaseRequest, told: Told | bytes) -> web.Response:
    """An answer; 304 where whoever asks has it already."""
    body = told if isinstance(told, bytes) else told.model_dump_json().encode()
    if request.method not in {"GET", "HEAD"}:
        return web.Response(body=body, content_type=_JSON)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = {one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")}
    if tag in known or "*" in known:
        return web.Response(status=304, headers={"ETag": tag})
    return web.Response(body=body, content_type=_JSON, headers={"ETag": tag})


def error_response(status: int, reason: str, *, details: list[str] | None = None) -> web.Response:
    """An error as all of them are."""
    return _error(status, Error(error=reason, details=details))


def away(error: StoreError, trouble: Trouble | None) -> web.Response:
    """The store does not answer."""
    since = None if trouble is None else trouble.since
    made = _error(503, Error(error=str(error) or "the store does not answer", since=since))
    made.headers["Retry-After"] = str(RETRY_S)
    return made


def _error(status: int, error: Error) -> web.Response:
    return web.Response(text=error.model_dump_json(exclude_none=True), status=status, content_type=_JSON)


def _refused(refused: Refusal) -> web.Response:
    made = error_response(refused.status, refused.reason, details=refused.details)
    if refused.retry_after_s is not None:
        made.headers["Retry-After"] = str(refused.retry_after_s)
    return made


def _place(model: type[Query], request: web.Request) -> Query:
    return _checked(model, dict(request.match_info))


def _query(model: type[Query] | None, request: web.Request) -> Query | None:
    fields = {} if model is None else model.model_fields
    values: dict[str, Any] = {}
    for name in dict.fromkeys(request.query):
        field = fields.get(name)
        if field is None:
            raise Refusal(400, _unknown(name, list(fields)))
        said = request.query.getall(name)
        if get_origin(field.annotation) is tuple:
            values[name] = said
        elif len(said) > 1:
            raise Refusal(400, f"{name}: stands twice; say it once")
        else:
            values[name] = said[0]
    return None if model is None else _checked(model, values)


def _checked(model: type[Query], values: dict[str, Any]) -> Query:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _unfit(error) from None


def _unknown(name: str, known: list[str]) -> str:
    shown = json.dumps(name[:40])
    if not known:
        return f"there is no parameter {shown}; there are none here"
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"the nearest is {close[0]}" if close else f"there are {', '.join(known)}"
    return f"there is no parameter {shown}; {hint}"


async def _body(operation: Operation, request: web.Request) -> Any:
    if operation.body is None:
        return None
    if request.content_type != _JSON:
        raise Refusal(415, f"send the body as Content-Type: {_JSON}")
    data = await _bytes(request, operation.body_bytes)
    try:
        return operation.body.validate_json(data)
    except ValidationError as error:
        raise _unfit(error, apart=operation.body_shapes > 1) from None


async def _bytes(request: web.Request, most: int) -> bytes:
    """The body, unpacked; no more of it than may be sent, and no longer than it may take."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.content.iter_chunked(2**16):
                data += piece
                if len(data) > most:
                    raise Refusal(413, f"more than {most:,} bytes; send less at once")
    except TimeoutError:
        raise Refusal(408, f"the body was not there within {BODY_S:g} s") from None
    except (web.RequestPayloadError, ClientPayloadError):
        raise Refusal(400, "the body broke off, or is not packed as Content-Encoding says") from None
    return bytes(data)


def _unfit(error: ValidationError, *, apart: bool = False) -> Refusal:
    """Every fault with its place; `apart`: it begins with the name of one shape among several, which nobody wrote."""
    found = error.errors(include_url=False, include_context=False)
    faults = [_fault(one["loc"][1:] if apart else one["loc"], one["msg"]) for one in found]
    details = faults[:MAX_DETAILS]
    return Refusal(400, details[0], details if len(details) > 1 else None)


def _fault(place: tuple[int | str, ...], text: str) -> str:
    names = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place]
    said = text.removeprefix("Value error, ")
    where = "".join(names).removeprefix(".")
    return f"{where}: {said[:1].lower()}{said[1:]}" if where else f"{said[:1].lower()}{said[1:]}"
