"""The secrets of the settings, and how they are taken out of what others say."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

__all__ = ["HIDDEN", "Secrets"]

HIDDEN: Final = "********"

_SHORTEST = 8
"""Characters. A shorter one stands in other words by chance, and hiding those would show it."""

T = TypeVar("T", str, bytes)


class Secrets:
    """Hides secrets in text and bytes, also where their signs are escaped as JSON, URLs and HTML
    escape them. Built once; thread-safe."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {each for each in secrets if len(each) >= _SHORTEST}
        # The longest first: one may be the beginning of another.
        self._patterns = [_Pattern(each) for each in sorted(found, key=len, reverse=True)]

    @classmethod
    def of(cls, settings: BaseModel) -> Secrets:
        """All of these settings, and the passwords in their URLs."""
        return cls(part for each in _secrets(settings) for part in _parts(each))

    def hidden(self, text: T) -> T:
        """The same without secrets."""
        for pattern in self._patterns:
            text = pattern.hidden(text)
        return text


class _Pattern:
    """One secret. Its longest word tells at once that it is not there."""

    def __init__(self, secret: str) -> None:
        self._word = max(re.findall("[A-Za-z0-9]+", secret), key=len, default="")
        self._bytes_word = self._word.encode()
        pattern = "".join(map(_spellings, secret))
        self._text, self._bytes = re.compile(pattern), re.compile(pattern.encode())

    def hidden(self, text: T) -> T:
        if isinstance(text, str):
            return self._text.sub(HIDDEN, text) if self._word in text else text
        found = self._bytes_word in text
        return self._bytes.sub(HIDDEN.encode(), text) if found else text


def _spellings(sign: str) -> str:
    if sign.isascii() and sign.isalnum():
        return sign
    number, url = ord(sign), "".join(f"%{byte:02x}" for byte in sign.encode())
    json, named = rf"\\{re.escape(sign)}|\\u{number:04x}", re.escape(html.escape(sign))
    return rf"(?i:{re.escape(sign)}|{json}|{url}|{named}|&\#0*{number};|&\#x0*{number:x};)"


def _secrets(model: BaseModel) -> Iterator[str]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, SecretStr):
                yield each.get_secret_value()
            elif isinstance(each, BaseModel):
                yield from _secrets(each)


def _parts(secret: str) -> Iterator[str]:
    """The secret; of a URL, where it leads is none, but its password is. One that is the user's
    own name is known to all."""
    if "://" not in secret:
        yield secret
        return
    try:
        parts = urlsplit(secret)
    except ValueError:
        yield secret
        return
    if parts.password and parts.password != parts.username:
        yield parts.password
        yield unquote(parts.password)
    for name_and_value in parts.query.split("&"):
        yield unquote(name_and_value.partition("=")[2])
