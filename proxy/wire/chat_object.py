"""Fields of a chat completion object that stand outside its choices."""

from collections.abc import Mapping
from typing import Any

from proxy.wire.dialect import ApiError
from proxy.wire.json_text import well_formed


def text_of(value: Any) -> str:
    """A string; empty for anything else."""
    return value if isinstance(value, str) else ""


def model_of(value: Mapping[str, Any]) -> str | None:
    """The model that answered; None when the object names none."""
    return well_formed(text_of(value.get("model"))) or None


def usage_of(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The usage object, also where Groq puts it; None when there is none."""
    usage = value.get("usage")
    if isinstance(usage, dict) and usage:
        return usage
    groq = value.get("x_groq")
    usage = groq.get("usage") if isinstance(groq, dict) else None
    return usage if isinstance(usage, dict) and usage else None


def error_of(value: Mapping[str, Any]) -> ApiError | None:
    """The error that an object reports; None when it reports none.

    Known shapes: {"error": {type, code, message}}, {"error": "text"}, {"object": "error", "message": ...} (vLLM),
    {"detail": ...} (FastAPI).
    """
    error = value.get("error")
    if isinstance(error, dict) and error:
        return _error(error)
    if isinstance(error, str) and error:
        return ApiError(None, None, well_formed(error))
    if value.get("object") == "error":
        return _error(value)
    if "choices" not in value and (detail := value.get("detail")):
        return ApiError(None, None, well_formed(detail if isinstance(detail, str) else "see the body"))
    return None


def _error(error: Mapping[str, Any]) -> ApiError:
    code = error.get("code")
    return ApiError(
        type=well_formed(text_of(error.get("type"))) or None,
        code=code if isinstance(code, (str, int)) and not isinstance(code, bool) else None,
        message=well_formed(text_of(error.get("message"))),
    )
