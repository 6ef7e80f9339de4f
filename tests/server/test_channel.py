"""What a thread reads and writes, while the client dawdles."""

import socket

import pytest
from gunicorn.http.errors import LimitRequestHeaders, ParseException

from medianest.server import channel as channels
from medianest.server.channel import Backlog, Channel, SlowClientError
from medianest.server.pace import ClientPace

MORE = 8 << 20
"""Bytes: more than any system takes at once."""


@pytest.fixture
def channel(pair: tuple[socket.socket, socket.socket]) -> Channel:
    return Channel(pair[0], Backlog())


def given(
    channel: Channel, data: bytes = b"", *, is_whole: bool = True, has_head: bool = True
) -> Channel:
    channel.give(data, is_whole=is_whole, has_head=has_head)
    return channel


def test_what_the_poller_has_read_is_read_from_memory(channel: Channel) -> None:
    given(channel, b"all of it")
    assert [channel.recv(5), channel.recv(100), channel.recv(100)] == [b"all o", b"f it", b""]


def test_a_head_without_end_is_too_long(channel: Channel) -> None:
    given(channel, b"GET /", is_whole=False, has_head=False)
    assert channel.recv(100) == b"GET /"
    with pytest.raises(LimitRequestHeaders):
        channel.recv(100)


def test_no_thread_waits_for_the_rest_of_a_body(
    channel: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Keeps out: chunks that were announced and never came held all threads for ten seconds."""
    given(channel, b"be", is_whole=False)
    pair[1].sendall(b"gin")
    assert channel.recv(100) == b"be"
    with pytest.raises(ParseException):
        channel.recv(100)


def test_nobody_is_asked_for_a_body_that_no_thread_reads(
    channel: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    given(channel, is_whole=False)
    assert channel.send(b"100 Continue") == 12
    pair[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        pair[1].recv(100)


def test_a_head_goes_with_what_follows_it(
    channel: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    given(channel).sendall(b"head ")
    channel.sendall(b"body")
    assert pair[1].recv(100) == b"head body"


def test_the_end_of_an_answer_waits_without_a_thread(
    channel: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    given(channel).is_last = True
    channel.sendall(b"")
    channel.sendall(b"a" * channels.UNSENT_MOST)
    received = 0
    while not channel.send_some(ClientPace()):
        received += len(pair[1].recv(1 << 20))
    assert received < channels.UNSENT_MOST


def test_what_waited_is_given_back_once_it_is_sent(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    backlog = Backlog(most=channels.UNSENT_MOST)
    channel = given(Channel(pair[0], backlog))
    channel.is_last = True
    channel.sendall(b"")
    channel.sendall(b"a" * channels.UNSENT_MOST)
    channel.flush()  # as after each answer, whose end may be in a last chunk
    while not channel.send_some(ClientPace()):
        pair[1].recv(1 << 20)
    assert backlog.take(channels.UNSENT_MOST)


@pytest.mark.parametrize("is_last", [True, False])
def test_what_is_more_than_may_wait_is_taken_in_time_or_not_at_all(
    channel: Channel,
    pair: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    is_last: bool,
) -> None:
    monkeypatch.setattr(channels, "GRACE", 0.05)
    monkeypatch.setattr(channels, "LITTLE_GRACE", 0.05)
    given(channel).is_last = is_last
    channel.sendall(b"")
    with pytest.raises(SlowClientError):
        channel.sendall(b"a" * MORE)


def test_all_that_waits_is_bounded(pair: tuple[socket.socket, socket.socket]) -> None:
    backlog = Backlog(most=100)
    assert backlog.take(60)
    assert not backlog.take(60)
    assert backlog.is_large
    backlog.give_back(60)
    assert backlog.take(100)


def test_an_answer_that_has_begun_is_not_followed_by_another(
    channel: Channel, pair: tuple[socket.socket, socket.socket]
) -> None:
    given(channel).sendall(b"head ")
    channel.sendall(b"body")
    channel.say_instead(b"500")
    channel.send_some(ClientPace())
    given(channel).sendall(b"a head that was held")
    channel.say_instead(b"500")
    channel.send_some(ClientPace())
    assert pair[1].recv(100) == b"head body500"
