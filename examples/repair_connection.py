"""A program that repairs its connection by itself, and has the call made again.

It shows recovery: an action of your own that reconnects, another one that answers when that was in
vain, and the history of what was tried. The server is one that drops its clients.

    python examples/repair_connection.py
"""

from __future__ import annotations

import socket
import threading
from typing import Any

from medianest.resilience import RETRY_OPERATION, ErrorRecoveryManager, Recovery, RecoveryContext

manager = ErrorRecoveryManager()


class Client:
    """One connection, which breaks and is made anew."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.connection = socket.create_connection(address, timeout=2)

    def reconnect(self, error: Exception, context: RecoveryContext) -> Any:
        self.connection.close()
        self.connection = socket.create_connection(self.address, timeout=2)
        return RETRY_OPERATION

    @Recovery(manager, service="store", operation="read")
    def read(self) -> str:
        self.connection.sendall(b"answer\n")
        if not (answer := self.connection.recv(100)):
            raise ConnectionError("the store hung up")
        return answer.decode()


def serve(listener: socket.socket) -> None:
    """Answer two connections once each, and drop them at the second question."""
    first, _ = listener.accept()
    with first, listener:
        first.sendall(first.recv(100) and b"42")
        first.recv(100)
        first.close()
        second, _ = listener.accept()
    with second:
        second.sendall(second.recv(100) and b"43")
        second.recv(100)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener,)).start()
    client = Client(listener.getsockname())
    manager.register_recovery_action("reconnect", priority=10, execute=client.reconnect)
    manager.register_recovery_action("default", 1, execute=lambda error, context: "nothing")
    print("read:", [client.read() for _ in range(3)])
    for record in reversed(manager.history.records()):
        print(record.error_type, [(step.action, step.outcome) for step in record.steps])
