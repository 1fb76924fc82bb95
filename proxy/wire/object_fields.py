"""Fields that the answers of most APIs share: model, usage, error."""

from collections.abc import Mapping
from typing import Any

from proxy.wire.dialect import ApiError
from proxy.wire.json_text import well_formed


def text_of(value: Any) -> str:
    """A string, with nothing in it that UTF-8 cannot hold; empty for anything else."""
    return well_formed(value) if isinstance(value, str) else ""


def object_of(value: Any) -> Mapping[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def model_of(value: Mapping[str, Any]) -> str | None:
    """The model that answered; None when the object names none."""
    return text_of(value.get("model")) or None


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
    {"detail": ...} (FastAPI). Google's `status` is the type.
    """
    error = value.get("error")
    if isinstance(error, dict) and error:
        return read_error(error)
    if isinstance(error, str) and error:
        return ApiError(None, None, well_formed(error))
    if value.get("object") == "error":
        return read_error(value)
    if "choices" not in value and (detail := value.get("detail")):
        return ApiError(None, None, well_formed(detail if isinstance(detail, str) else "see the body"))
    return None


def read_error(error: Mapping[str, Any]) -> ApiError:
    """An object that is an error, as far as it says."""
    code = error.get("code")
    if isinstance(code, str):
        code = well_formed(code)
    return ApiError(
        type=text_of(error.get("type")) or text_of(error.get("status")) or None,
        code=code if isinstance(code, (str, int)) and not isinstance(code, bool) else None,
        message=text_of(error.get("message")),
    )
