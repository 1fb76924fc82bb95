"""A configuration as plain JSON values, secrets included, for handing from one process of ours to another."""

from typing import Any

from pydantic import BaseModel, SecretStr

from config.model import Config


def to_wire(config: Config) -> dict[str, Any]:
    """Values that `from_wire` turns into an equal configuration. Never log or store them."""
    plain = _plain(config)
    assert isinstance(plain, dict)  # noqa: S101 - a model gives a dict
    return plain


def from_wire(values: dict[str, Any]) -> Config:
    """The configuration that `to_wire` took apart."""
    return Config.model_validate(values, context={"wire": True})


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {f.alias or name: _plain(getattr(value, name)) for name, f in fields.items()}
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return str(value) if hasattr(value, "as_tuple") else value
