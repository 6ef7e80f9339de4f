"""`python -m medianest.sandbox plex`, or `overseerr`: one sandbox server in the foreground."""

from __future__ import annotations

import argparse
import errno
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medianest import sandbox
from medianest.sandbox.messages import Upstream
from medianest.sandbox.overseerr import OverseerrServer
from medianest.sandbox.plex import PlexServer
from medianest.sandbox.server import SandboxServer

__all__ = ["KINDS", "main"]


@dataclass(frozen=True)
class SandboxKind:
    """One kind of server: how to make it of its options, and its usual port."""

    make: Callable[[argparse.Namespace], Upstream]
    port: int
    has_state: bool = False
    """Whether it can keep something over restarts."""


KINDS: Final[Mapping[str, SandboxKind]] = {
    "plex": SandboxKind(lambda options: PlexServer(options.token), 32401),
    "overseerr": SandboxKind(
        lambda options: OverseerrServer(options.token, options.state), 35055, has_state=True
    ),
}
ENDING: Final = frozenset({signal.SIGTERM, signal.SIGINT})


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the result is the exit code."""
    # Blocked before any thread starts, so that all inherit it and only sigwait sees them: then
    # no handler runs in the middle of anything, and no traceback is printed.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    options = _parser().parse_args(arguments)
    if os.environ.get("MEDIANEST_ENV", "").strip().lower() == "production":
        return _failed("it is for development and tests, and MEDIANEST_ENV is production")
    kind = KINDS[options.kind]
    if options.state and not kind.has_state:
        return _failed(f"{options.kind} has no state to keep")
    try:
        upstream = kind.make(options)
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or error
        return _failed(f"cannot keep the state in {options.state}: {words}")
    try:
        server = _bind(upstream, kind.port, options)
    except (OSError, OverflowError) as error:
        where = f"{options.host}:{options.port or 'any port'}"
        return _failed(f"cannot listen on {where}: {getattr(error, 'strerror', None) or error}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"sandbox {options.kind} on {server.url}", flush=True)
    if options.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    signal.sigwait(ENDING)
    server.socket.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m medianest.sandbox",
        description="A server like the real one, with faults on demand (/sandbox/faults).",
        epilog=inspect.cleandoc(sandbox.__doc__ or ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (%(default)s)"
    )
    parser.add_argument(
        "--port", type=int, help="0: any free one; not given: the kind's usual one, or any free one"
    )
    parser.add_argument(
        "--token", default="sandbox-token", help="the token or API key it accepts (%(default)s)"
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="where requests are kept (overseerr only)"
    )
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end when standard input does"
    )
    return parser


def _bind(upstream: Upstream, usual_port: int, options: argparse.Namespace) -> SandboxServer:
    if options.port is not None:
        return SandboxServer(upstream, options.host, options.port)
    try:
        return SandboxServer(upstream, options.host, usual_port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return SandboxServer(upstream, options.host, 0)


def _failed(reason: str) -> int:
    print(f"sandbox: {reason}", file=sys.stderr)
    return 1


def _end_with_stdin() -> None:
    # os.read, for the interpreter cannot end cleanly while a thread is inside sys.stdin.
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
