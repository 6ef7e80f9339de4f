"""When a request is there, however its bytes come."""

import pytest

from medianest.server.incoming import BODY_MOST, HEAD_MOST, Incoming

HEAD = b"POST /x HTTP/1.1\r\nHost: y\r\n"
NEXT = b"GET /next HTTP/1.1\r\n\r\n"

WHOLE = {
    "no body": b"GET /x?y HTTP/1.1\r\nHost: y\r\n\r\n",
    "no headers": b"GET / HTTP/1.0\r\n\r\n",
    "a length": HEAD + b"content-length : 5 \r\n\r\nhello",
    "a length with many zeros": HEAD + b"Content-Length: " + b"5".zfill(30) + b"\r\n\r\nhello",
    "no length": HEAD + b"Content-Length: 0\r\n\r\n",
    "a length of many digits": HEAD + b"Content-Length: %050d\r\n\r\nhello" % 5,
    "chunks": HEAD
    + b"Transfer-Encoding: gzip, chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
    "trailers": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n!\r\n0\r\nX: y\r\nZ: 1\r\n\r\n",
    "an end within a chunk": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n"
    ),
    "a line before it": b"\r\nGET / HTTP/1.1\r\nHost: y\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", WHOLE.values(), ids=WHOLE)
def test_a_request_is_ready_with_its_last_byte_and_without_the_next(request_bytes: bytes) -> None:
    incoming = Incoming()
    for byte in request_bytes[:-1]:
        assert not incoming.is_ready()
        incoming.feed(bytes([byte]))
    assert not incoming.is_ready()
    incoming.feed(request_bytes[-1:] + NEXT)
    assert incoming.is_ready()
    assert incoming.take() == (request_bytes, True)
    assert incoming.is_ready()
    assert incoming.take() == (NEXT, True)
    assert not incoming.is_ready()
    assert not incoming


HOPELESS = {
    "a bare end of line": b"GET / HTTP/1.1\nHost: y\n",
    "a bare end of line after others": b"GET / HTTP/1.1\r\nHost: y\r\nX: y\n",
    "a head without end": b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_MOST,
    "a chunk of no size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "a chunk of less than nothing": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
    "a chunk of Python's size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\n",
    "a chunk longer than its size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc0\r\n",
    "a size without end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 1024,
    "a large chunk": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % BODY_MOST + b"a" * BODY_MOST
    ),
    "too many chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 2049,
    "a length that is none": HEAD + b"Content-Length: +5\r\n\r\n",
    "a length of nothing": HEAD + b"Content-Length:\r\n\r\n",
    "a length beyond all bounds": HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "a large body": HEAD + b"Content-Length: %d\r\n\r\n" % (BODY_MOST + 1),
    "a body larger than any": HEAD + b"Content-Length: " + b"1" * 30 + b"\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", HOPELESS.values(), ids=HOPELESS)
@pytest.mark.parametrize("step", [7, 1024, 10**9])
def test_what_is_not_worth_waiting_for_is_given_to_a_thread(
    request_bytes: bytes, step: int
) -> None:
    incoming = Incoming()
    for place in range(0, len(request_bytes), step):
        incoming.feed(request_bytes[place : place + step])
        if incoming.is_ready():
            break
    assert incoming.is_ready()
    taken, is_whole = incoming.take()
    assert request_bytes.startswith(taken)
    assert not is_whole


def test_a_large_chunk_that_is_only_announced_is_no_work_for_a_thread() -> None:
    incoming = Incoming()
    incoming.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n{" % BODY_MOST)
    assert not incoming.is_ready()


@pytest.mark.parametrize(
    ("head", "expects"), [(HEAD, True), (HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"), False)]
)
def test_who_awaits_that_its_body_is_wanted_is_known(head: bytes, expects: bool) -> None:
    incoming = Incoming()
    incoming.feed(head + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
    assert not incoming.is_ready()
    assert incoming.has_head
    assert incoming.expects_continue is expects


@pytest.mark.parametrize(
    ("request_bytes", "target"),
    [(b"GET /a?b HTTP/1.1\r\n\r\n", b"/a?b"), (b"nonsense\r\n\r\n", b""), (b"", b"")],
)
def test_what_is_asked_for_is_known_before_it_is_parsed(
    request_bytes: bytes, target: bytes
) -> None:
    incoming = Incoming()
    incoming.feed(request_bytes)
    assert incoming.target == target
