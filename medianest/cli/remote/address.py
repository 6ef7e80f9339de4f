"""Where the server is, and the token for it: from options, variables and the instance folder."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit

__all__ = ["Token", "server_url", "token_for", "url_of"]

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_TOKEN, _FILE, _FOLDER = (
    "MEDIANEST_OPERATOR_TOKEN",
    "MEDIANEST_OPERATOR_TOKEN_FILE",
    "MEDIANEST_INSTANCE_PATH",
)


class Token(NamedTuple):
    """A secret, and where it comes from."""

    secret: str
    origin: str


def server_url(
    given: str | None, environ: Mapping[str, str] = os.environ, *, usual: str | None = None
) -> tuple[str, bool]:
    """The server's address without a slash at its end, and whether somebody has named it: the one
    `given`, that of MEDIANEST_URL, the `usual` one, or else where `medianest serve` listens here.
    Raises CommandError."""
    if given is not None:
        return _checked(given, "--url", Exit.WRONG_USE), True
    if url := _value(environ, "MEDIANEST_URL"):
        return _checked(url, "MEDIANEST_URL", Exit.WRONG_SETTING), True
    if usual is not None:
        return _checked(usual, "FLASK_RUN_HOST and FLASK_RUN_PORT", Exit.WRONG_SETTING), False
    host, port = _value(environ, "HOST") or "127.0.0.1", _value(environ, "PORT") or "8000"
    return _checked(url_of(host, port), "HOST and PORT", Exit.WRONG_SETTING), False


def url_of(host: str, port: str) -> str:
    """Where what listens there is reached from here."""
    host = _EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def token_for(
    url: str,
    file: Path | None,
    *,
    is_named: bool,
    is_app: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Token | None:
    """The operator's token, or None where there is none. `is_named`: somebody has given the URL;
    `is_app`: it is that of an app that keeps no token. Raises CommandError for a file that cannot
    be read."""
    if file is not None:
        return Token(_read(file, Exit.WRONG_USE), f"--token-file {file}")
    if secret := _value(environ, _TOKEN):
        return Token(_sendable(secret, _TOKEN, Exit.WRONG_SETTING), _TOKEN)
    if path := _value(environ, _FILE):
        return Token(_read(Path(path), Exit.WRONG_SETTING), _FILE)
    # It is the token of the server that runs here: no other one shall see it.
    if is_app or (is_named and not _is_here(urlsplit(url))):
        return None
    return _in_instance(Path(_value(environ, _FOLDER) or "instance"))


def _checked(url: str, origin: str, code: Exit) -> str:
    try:
        found = urlsplit(url.strip())
        is_url = found.scheme in ("http", "https") and found.hostname and found.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise CommandError(f"{origin}: {url!r} is not http://HOST:PORT or https://HOST", code)
    if found.username or found.password or found.query or found.fragment:
        raise CommandError(f"{origin}: a URL with a host, a port and a path, and no more", code)
    return found.geturl().rstrip("/")


def _is_here(url: SplitResult) -> bool:
    try:
        return ipaddress.ip_address(url.hostname or "").is_loopback
    except ValueError:
        return url.hostname == "localhost"


def _in_instance(folder: Path) -> Token | None:
    """As the server reads it: the settings go before the token that it made."""
    settings, made = folder / "medianest.toml", folder / "operator.token"
    try:
        if settings.exists() and (secret := _in_toml(settings)):
            return Token(_sendable(secret, str(settings), Exit.WRONG_SETTING), str(settings))
        return Token(_read(made, Exit.WRONG_SETTING), str(made)) if made.exists() else None
    except PermissionError:
        return None  # whoever may not read the folder may still look


def _in_toml(path: Path) -> str | None:
    import tomllib  # few have the file

    try:
        secret = tomllib.loads(path.read_text("utf-8-sig")).get("operator_token")
    except (OSError, ValueError):
        return None  # the server says at its start what is wrong with it
    return secret if isinstance(secret, str) else None


def _read(path: Path, code: Exit) -> str:
    try:
        secret = path.read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise CommandError(f"cannot read the token in {path}: {reason}", code) from None
    return _sendable(secret, str(path), code)


def _sendable(secret: str, origin: str, code: Exit) -> str:
    """What no header can hold would be shown in the error about it."""
    if not secret or not secret.isascii() or not secret.isprintable():
        raise CommandError(f"{origin} holds no token", code)
    return secret


def _value(environ: Mapping[str, str], name: str) -> str:
    """Without the quotes that docker's --env-file leaves."""
    value = environ.get(name, "").strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1].strip() if quoted else value
