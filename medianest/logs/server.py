"""gunicorn's own log, which must not keep its processes waiting either."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from medianest.logs.outlet import Outlet

__all__ = ["ServerLog"]


class ServerLog(Logger):
    """Leaves standard error to the handler that `configure_logs` has set; a file that was asked
    for is gunicorn's."""

    def setup(self, cfg: Any) -> None:
        """Set the levels, and the handlers that were asked for."""
        ours = [each for each in self.error_log.handlers if isinstance(each, Outlet)]
        super().setup(cfg)
        if not ours:
            return
        is_ours = cfg.errorlog == "-"
        kept = [each for each in self.error_log.handlers if hasattr(each, "_gunicorn") != is_ours]
        self.error_log.handlers = kept
