"""Which spellings of a URL are accepted, and that each has one reading only."""

import ipaddress
import socket
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from medianest.dependencies.url import HealthUrl, HealthUrlError, checked_url
from tests.support.narrowing import not_none

LONG = "http://plex/" + "a" * 1_989


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("http://plex:32400/identity", ("http", "plex", 32400, "/identity")),
        ("https://Nas.Lan", ("https", "nas.lan", 443, "/")),
        ("HTTP://nas.lan?full=1&x=%20", ("http", "nas.lan", 80, "/?full=1&x=%20")),
        ("http://192.168.1.10:1/", ("http", "192.168.1.10", 1, "/")),
        ("http://[FD12:0:0::10]:65535/a", ("http", "fd12::10", 65535, "/a")),
        ("http://xn--bcher-kva.example/", ("http", "xn--bcher-kva.example", 80, "/")),
        ("http://home_assistant:8123/", ("http", "home_assistant", 8123, "/")),
        ("http://_nas_.lan/", ("http", "_nas_.lan", 80, "/")),
        ("http://1a.2b/@x:y//z", ("http", "1a.2b", 80, "/@x:y//z")),
        ("http://" + "a" * 63 + "/", ("http", "a" * 63, 80, "/")),
        ("http://" + "a." * 126 + "a/", ("http", "a." * 126 + "a", 80, "/")),
        ("http://plex/" + "a" * 1_988, ("http", "plex", 80, "/" + "a" * 1_988)),
    ],
)
def test_what_is_accepted(text: str, parts: tuple[str, str, int, str]) -> None:
    assert checked_url(text) == HealthUrl(*parts, text)


HOSTILE = {
    "must begin with http:// or https://": [
        *("", "plex", "//plex/", "/etc/passwd", "http", "http:", "http:/plex/", "http:plex"),
        *("file:///etc/passwd", "file://plex/x", "gopher://plex:6379/_PING", "ftp://plex/"),
        *("data:text/plain,x", "unix:///run/docker.sock", "http+unix://%2Frun%2Fx.sock/"),
        *("httpx://plex/", "javascript://plex/", "ldap://plex", "dict://plex:11211/", "ws://plex"),
        "url:http://plex/",
    ],
    "must be no longer than 2000": [LONG],
    "must be printable ASCII without spaces": [
        *(" http://plex/", "http://plex/ ", "http://pl ex/", "http://plex/\n", "ht\ttp://plex/"),
        *("http://plex/\r\nX: y", "http://plex\x00.lan/", "http://plex/\x7f", "http://plex\x0b/"),
        *("http://pl\u0435x/", "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/"),
        *("http://127\u30020\u30020\u30021/", "http://\uff50\uff4c\uff45\uff58/"),
        *("http://plex/\u00e9", "http://a\u200bb/", "http://\u202eplex/", "http://plex\u2044x/"),
        *("http://localho\u017ft/", "http://plex/\ud800", "\ufeffhttp://plex/"),
    ],
    "must hold no backslash": ["http://plex\\@127.0.0.1/", "http:\\\\plex/", "http://plex/\\x"],
    "must have no fragment": [
        *("http://plex/#x", "http://plex#@127.0.0.1/", "http://plex/?a#", "http://plex#"),
    ],
    "must hold no user name and no password": [
        *("http://user:pass@plex/", "http://user@plex/", "http://@plex/", "http://:@plex/"),
        *("http://plex@127.0.0.1:80/", "http://a:80@b:81@c/", "http://[::1]@plex/"),
    ],
    "must hold no percent sign": [
        *("http://%70lex/", "http://127.0.0.1%2fplex/", "http://plex%00.lan/"),
        *("http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[::1%25]/"),
        "http://plex:%38%30/",
    ],
    "the port must be": [
        *("http://plex:/", "http://plex:0/", "http://plex:65536/", "http://plex:080/"),
        *("http://plex:-1/", "http://plex:+80/", "http://plex:8_0/", "http://plex:80a/"),
        *("http://plex:99999999999/", "http://[::1]:/", "http://plex:0x50/"),
    ],
    "must stand a host": [
        *("http://::1/", "http://plex:80:81/", "http://[::1/", "http://::1]/", "http://[::1]x/"),
        *("http://[[::1]]/", "http://[::1].plex/", "http://x[::1]/", "http://[::1]80/"),
    ],
    "must name a host": ["http://", "http:///", "http:///plex/", "http://?x", "http://:80/"],
    "four decimal numbers": [
        *("http://2130706433/", "http://0177.0.0.1/", "http://0x7f.1/", "http://127.1/"),
        *("http://0x7f000001/", "http://017700000001/", "http://0/", "http://127.0.1/"),
        *("http://127.0.0.1./", "http://127.0.0.01/", "http://256.0.0.1/", "http://1.2.3.4.5/"),
        *("http://0X7F.0.0.1/", "http://127.0.0.0x1/", "http://1.2.3.999/", "http://plex.1/"),
        *("http://127..1/", "http://.1/", "http://0x/", "http://4294967296/", "http://1.2.3./"),
        "http://00000127.0.0.1/",
    ],
    "must be an IP address or a name": [
        *("http://plex./", "http://.plex/", "http://a..b/", "http://-plex/", "http://plex-/"),
        *("http://my+nas/", "http://*/", "http://a,b/", "http://$x/", "http://plex;x/"),
        *("http://" + "a" * 64 + "/", "http://" + "a." * 127 + "a/", "http://./", "http://a!b/"),
    ],
    "must stand an IPv6 address": [
        *("http://[]/", "http://[127.0.0.1]/", "http://[v1.x]/", "http://[::g]/", "http://[:]/"),
        *(
            "http://[1:2:3:4:5:6:7:8:9]/",
            "http://[::1::]/",
            "http://[plex]/",
            "http://[::01.2.3.4]/",
        ),
    ],
    "only characters that URLs allow": [
        *(
            "http://plex/<x>",
            'http://plex/"',
            "http://plex/{x}",
            "http://plex/%zz",
            "http://plex/%",
        ),
        *("http://plex/?x=|", "http://plex/^", "http://plex/?[x]", "http://plex/`"),
    ],
}


@pytest.mark.parametrize(
    ("text", "reason"), [(text, reason) for reason, texts in HOSTILE.items() for text in texts]
)
def test_what_is_refused(text: str, reason: str) -> None:
    with pytest.raises(HealthUrlError) as caught:
        checked_url(text)
    assert reason in str(caught.value)


def test_the_message_tells_no_password() -> None:
    with pytest.raises(HealthUrlError) as caught:
        checked_url("http://user:hunter2@plex/")
    assert "hunter2" not in str(caught.value)


HOSTS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.from_regex(
        r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]([a-z0-9-]{0,9}[a-z])?){0,3}", fullmatch=True
    ),
)
TARGETS = st.from_regex(
    r"/([A-Za-z0-9._~/@:!$&'()*+,;=-]|%[0-9A-F]{2}){0,20}(\?[a-z0-9=&/?]*)?", fullmatch=True
)


@settings(deadline=None)
@given(st.sampled_from(["http", "https"]), HOSTS, st.integers(1, 65535), TARGETS)
def test_a_canonical_url_is_its_parts(scheme: str, host: str, port: int, target: str) -> None:
    url = checked_url(f"{scheme}://{host}:{port}{target}")
    assert f"{url.scheme}://{url.authority}{url.target}" == url.text
    assert checked_url(url.text) == url


PIECES = st.lists(
    st.one_of(
        st.sampled_from(["http", "https", "://", ":", "//", "/", "@", "[", "]", "::1", "%25", "?"]),
        st.sampled_from(["127.0.0.1", "0x7f", "0177", "2130706433", ".", "plex", "80", "#", "\\"]),
        st.sampled_from(
            ["0", "1", "0x", "-", "_", "ffff", "\u3002", "\t", "\n", "\x00", "e80", "a"]
        ),
        st.text(max_size=3),
    ),
    max_size=12,
).map("".join)
HOST_AND_PORT = PIECES.map(lambda text: f"http://{text}/")


@settings(deadline=None)
@given(st.one_of(st.text(), PIECES, HOST_AND_PORT))
@example("http://0x7f.1/")
@example("http://1.0x/")
def test_every_reader_finds_the_same_host(text: str) -> None:
    """Keeps out: a check that reads one host, and a connection that goes to another."""
    try:
        url = checked_url(text)
    except HealthUrlError:
        return
    bare = url.host
    readings = (urlsplit(text), parse_url(text))
    for host in (readings[0].hostname, (readings[1].host or "").strip("[]")):
        assert host == bare or ipaddress.ip_address(not_none(host)) == ipaddress.ip_address(bare)
    assert {reading.port or {"http": 80, "https": 443}[url.scheme] for reading in readings} == {
        url.port
    }
    try:
        taken = socket.inet_ntoa(socket.inet_aton(bare))
    except OSError:
        return
    assert taken == bare
