r"""Servers compatible with Plex, with faults on demand: for a first run, tests and benchmarks.

`python -m medianest.sandbox plex` serves one in the foreground; `SandboxProcess.start()` runs one
as a child. Faults are switched on over HTTP under `/sandbox` (see `faults.KINDS`), with no token:

    curl -d '{"kind": "status", "status": 503, "path": "/library", "for_seconds": 30}' \
        http://127.0.0.1:32401/sandbox/faults
"""

from medianest.sandbox.process import SandboxError, SandboxProcess

__all__ = ["SandboxError", "SandboxProcess"]
