"""The statuses with which a registered service is well, as a request may tell them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from medianest.dependencies.statuses import Statuses
from medianest.resilience import ConfigurationError

__all__ = ["ExpectedStatus"]

_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 200, "maximum": 599}
_RANGE = "[2-5][0-9]{2}(-[2-5][0-9]{2})?"
_TEXT: dict[str, Any] = {"type": "string", "pattern": f"^{_RANGE}$"}
_TEXTS: dict[str, Any] = {"type": "string", "pattern": f"^{_RANGE}(,{_RANGE})*$"}


def _text(value: Any) -> str:
    """In the one way in which they are kept; to JSON, 200.0 is the same number as 200."""
    given = value if isinstance(value, list) else [value]
    whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in given]
    try:
        return Statuses.of(whole if isinstance(value, list) else whole[0]).text
    except ConfigurationError as error:
        raise ValueError(str(error).partition(": ")[2]) from None


ExpectedStatus = Annotated[
    str,
    BeforeValidator(_text),
    WithJsonSchema(
        {
            "description": "With which statuses its health_check_url tells that it is well: "
            "one, a range such as 200-399, or several of these. A redirect is not followed.",
            "anyOf": [
                _NUMBER,
                _TEXTS,
                {
                    "type": "array",
                    "items": {"anyOf": [_NUMBER, _TEXT]},
                    "minItems": 1,
                    "maxItems": 100,
                },
            ],
        }
    ),
]
