r"""Servers compatible with Plex and Overseerr, with faults on demand: for a first run and tests.

`python -m medianest.sandbox plex`, or `overseerr`, serves one in the foreground;
`SandboxProcess.start(kind=...)` runs one as a child. Faults are switched on over HTTP under
`/sandbox`, with no token:

    curl -d '{"kind": "status", "status": 503, "path": "/library", "for_seconds": 30}' \
        http://127.0.0.1:32401/sandbox/faults

A fault lasts until it is switched off; every kind takes `path` (the beginning of the paths that it
meets), `for_seconds`, `share` (of the requests, at random) and `times`. Every server has:

- `status`: an error of this server's with a `status`, and a `body` and `retry_after` if wanted;
- `latency`: the answer comes `seconds` late; `hang`: it does not come;
- `reset`: the connection breaks before anything is done; `lose`: it breaks after that;
- `truncate`: half of the answer; `drip`: a byte each `interval`, `where`: "body" or "headers";
- `garbage`: no JSON; `empty`: a success with nothing in it;
- `unauthorized`: the right key is refused, as if it had been changed;
- `maintenance`: the server is busy with itself;
- `proxy`: a reverse proxy answers with a `status` for a server that is away: Traefik with 404,
  nginx with the others.

A Plex has one more, `odd`: odd elements among the good ones, such as one without a key, null,
numbers as text and half an emoji.

An Overseerr has more:

- `source`: its own source of titles fails, with a `status` or by a `failure` such as "ENOTFOUND";
- `stall`: that source answers only after so many `seconds`; a request whose client has left
  meanwhile is created then all the same;
- `locked`: its database is, or is gone; `message` is what the database says;
- `racy`: identical requests at once are created more than once;
- `quota`: nobody may request any more for now;
- `csrf`: every POST is refused for lack of a token that only browsers have.

It knows a title for every id below 9000000, and none from there on.

`GET /sandbox/requests` tells what arrived, `GET /sandbox/state` what came of it. An Overseerr that
is started with `--state FILE` keeps its requests there, over restarts and crashes.
"""

from medianest.sandbox.process import SandboxError, SandboxProcess

__all__ = ["SandboxError", "SandboxProcess"]
