"""What a client has sent and no thread has read yet, and whether that is a whole request."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["BODY_MOST", "HEAD_MOST", "Incoming"]

HEAD_MOST: Final = 65536
"""Bytes of a request head that are waited for."""

BODY_MOST: Final = 131072
"""Bytes of a body that are waited for: more than the API accepts, if nothing else is set."""

_LINE_MOST: Final = 1024
_CHUNK_LINE_MOST: Final = 1024
_HEX: Final = b"0123456789abcdefABCDEF"

_CHUNKS_MOST: Final = 2048
"""Chunks of a body: to look at each takes time that all others wait for."""

_DIGITS_MOST: Final = 18

_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([^\r]*)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:[^\r]*chunked[ \t]*\r\n", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_OLD = re.compile(rb"(\r\n)?[^\r\n]* HTTP/1\.0\r\n")


class Incoming:
    """Bytes in the order in which they came. It tells only how long to wait: what the request
    means, and whether it is one, is for the parser to say, which gets all that is hopeless, too.
    Of a body, `body_most` bytes are waited for.
    """

    def __init__(self, body_most: int = BODY_MOST) -> None:
        self._bytes = bytearray()
        self._body_most = body_most
        self._forget()

    def _forget(self) -> None:
        self._looked = 0
        self._head: int | None = None
        self._end: int | None = None
        self._chunk: int | None = None
        self._chunks = 0
        self._is_hopeless = False

    def __len__(self) -> int:
        return len(self._bytes)

    @property
    def has_head(self) -> bool:
        """Whether a request head is there."""
        return self._head is not None

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for "100 Continue" before it sends its body. One of HTTP/1.0
        knows no such answer, and takes it for the only one (RFC 9110 10.1.1)."""
        if self._head is None or _OLD.match(self._bytes):
            return False
        return bool(_EXPECTS.search(self._bytes, 0, self._head))

    @property
    def target(self) -> bytes:
        """What is asked for, such as b"/path?query"; b"" where that cannot be told."""
        words = self._bytes[:_LINE_MOST].partition(b"\r\n")[0].split(b" ")
        return bytes(words[1]) if len(words) == 3 else b""

    def feed(self, data: bytes) -> None:
        """Add what came."""
        self._bytes += data

    def is_ready(self) -> bool:
        """Whether a thread has something to do: a request with its body, or what can be none."""
        if self._head is None:
            self._find_head()
        if self._chunk is not None and self._end is None and not self._is_hopeless:
            self._find_last_chunk(self._chunk)
        if self._is_hopeless:
            return True
        return self._end is not None and len(self._bytes) >= self._end

    def take(self) -> tuple[bytes, bool]:
        """The bytes of the request that is ready, without those of the next one, and whether they
        are all of it: else it is one that is refused."""
        is_whole = self._end is not None and len(self._bytes) >= self._end
        end = self._end if is_whole else len(self._bytes)
        taken = bytes(self._bytes[:end])
        del self._bytes[:end]
        self._forget()
        return taken, is_whole

    def _find_head(self) -> None:
        end = self._bytes.find(b"\r\n\r\n", max(0, self._looked - 3))
        if end < 0:
            self._look_at_lines()
            self._is_hopeless |= len(self._bytes) > HEAD_MOST
            return
        self._head = end + 4
        if _CHUNKED.search(self._bytes, 0, self._head):
            self._chunk = self._head
            return
        found = _LENGTH.search(self._bytes, 0, self._head)
        length = _length(bytes(found[1])) if found else 0
        if 0 <= length <= self._body_most:
            self._end = self._head + length
        else:
            self._is_hopeless = True

    def _look_at_lines(self) -> None:
        """Whether what is new has an end of line that no head has."""
        new = max(0, self._looked - 1)
        if self._bytes[new : new + 1] == b"\n":
            new += 1
        self._looked = len(self._bytes)
        if self._bytes.count(b"\n", new) != self._bytes.count(b"\r\n", new):
            self._is_hopeless = True

    def _find_last_chunk(self, chunk: int) -> None:
        """Look from one chunk to the next, as far as they have come."""
        most = (self._head or 0) + self._body_most
        while chunk <= min(len(self._bytes), most):
            self._chunk = chunk
            if self._bytes[chunk - 2 : chunk] != b"\r\n":  # of the head, or of the chunk before
                self._is_hopeless = True
                return
            line = self._bytes.find(b"\r\n", chunk, chunk + _CHUNK_LINE_MOST)
            if line < 0:
                self._is_hopeless = len(self._bytes) - chunk >= _CHUNK_LINE_MOST
                return
            size = _size(bytes(self._bytes[chunk:line]))
            if size == 0:
                self._find_trailers(line)
                return
            chunk = line + 2 + size + 2
            self._chunks += 1
            if size < 0 or self._chunks > _CHUNKS_MOST:
                self._is_hopeless = True
                del self._bytes[self._head :]  # a thread would look at each of them again
                return
        self._is_hopeless = len(self._bytes) > most

    def _find_trailers(self, line: int) -> None:
        end = self._bytes.find(b"\r\n\r\n", line)
        if end >= 0:
            self._end = end + 4
        else:
            self._is_hopeless = len(self._bytes) - line > HEAD_MOST


def _length(value: bytes) -> int:
    """That of a body; -1 for what is none, or more than anybody sends."""
    value = value.rstrip(b" \t")
    digits = value.lstrip(b"0")
    if not value.isdigit() or len(digits) > _DIGITS_MOST:
        return -1
    return int(digits or b"0")


def _size(line: bytes) -> int:
    """That of a chunk; -1 for what is none, and nothing that only Python takes for a number."""
    digits, extension, _ = line.partition(b";")
    if extension:
        digits = digits.rstrip(b" \t")
    return -1 if not digits or digits.strip(_HEX) else int(digits, 16)
