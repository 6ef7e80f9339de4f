"""Reports of hosts and leases of probes in each tier."""

from collections.abc import Callable

import pytest
from redis import Redis

from medianest.cluster.postgres import PostgresTier
from medianest.cluster.redis import RedisTier
from medianest.cluster.tier import LARGEST, MOST, Tier
from medianest.resilience import Deadline
from tests.support.postgres import PostgresProcess
from tests.support.valkey import ValkeyProcess
from tests.support.waiting import wait_until

Open = Callable[[], Tier]


def test_each_host_reads_what_all_have_reported(connect: Open) -> None:
    one, two = connect(), connect()
    assert one.report("a", b"x") == {}
    assert two.report("b", b"y").keys() == {"a"}
    age, kept = one.report("a", b"z")["a"]
    assert kept == b"x"
    assert 0 <= age < 5
    assert {host: kept for host, (_, kept) in two.report("b", None).items()} == {
        "a": b"z",
        "b": b"y",
    }
    assert one.report("a", None).keys() == {"a"}
    assert one.report("a", None) == {}


def test_a_report_that_is_too_large_is_nobody_s(connect: Open) -> None:
    one, two = connect(), connect()
    one.report("a", b"x" * (LARGEST + 100))
    one.report("ü", b"x" * LARGEST)
    assert two.report("b", None).keys() == {"ü"}


def test_a_lease_is_one_host_s_until_it_gives_it(connect: Open) -> None:
    one, two = connect(), connect()
    assert one.take_leases(["plex"], "a", 60)
    assert one.take_leases(["plex"], "a", 60)
    assert not two.take_leases(["plex"], "b", 60)
    assert two.take_leases(["ü overseerr"], "b", 60)
    two.give_leases(["plex"], "b")
    assert not two.take_leases(["plex"], "b", 60)
    one.give_leases(["plex"], "a")
    assert two.take_leases(["plex"], "b", 60)


def test_a_lease_ends_by_itself(connect: Open) -> None:
    one, two = connect(), connect()
    assert one.take_leases(["plex"], "a", 0.05)
    wait_until(lambda: two.take_leases(["plex"], "b", 60))


REPORTS, LEASE = "medianest:openings:v1", "medianest:lease:v1:plex"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw.set(REPORTS, b"garbage" * 1_000),
        lambda raw: raw.hset(REPORTS, mapping={f"{number}": b"x" for number in range(MOST + 1)}),
        lambda raw: raw.hset(
            REPORTS, mapping={b"\xff": b"1 x", "old": b"1 x", "odd": b"x", b"n" * 9_000: b"1 x"}
        ),
        lambda raw: raw.hset(REPORTS, "later", b"9999999999999 x"),
        lambda raw: raw.rpush(LEASE, b"garbage"),
        lambda raw: raw.set(LEASE, b"garbage"),
        lambda raw: raw.set(LEASE, b"garbage", ex=3_600),
    ],
)
def test_reports_and_leases_of_nobody_make_room(
    valkey: ValkeyProcess, raw: Redis, spoil: Callable[[Redis], object]
) -> None:
    spoil(raw)
    tier = RedisTier(valkey.url)
    with Deadline(10.0).scope():
        tier.connect()
        assert tier.report("a", b"x") == {}
        assert tier.report("a", b"x").keys() == {"a"}
        assert tier.take_leases(["plex"], "a", 60)
        assert not tier.take_leases(["plex"], "b", 60)
    tier.close()


@pytest.mark.parametrize("late", ["infinity", "2200-01-01"])
def test_a_lease_without_end_and_a_report_of_later_are_nobody_s(
    postgres: PostgresProcess, emptied_database: str, late: str
) -> None:
    """Keeps out: the dependency is back, and no host ever probes it."""
    postgres.execute(
        f"INSERT INTO host_reports VALUES ('b', '{late}', 'x');"
        f"INSERT INTO probe_leases VALUES ('plex', 'b', '{late}')",
        emptied_database.rpartition("/")[2],
    )
    tier = PostgresTier(emptied_database)
    with Deadline(10.0).scope():
        tier.connect()
        assert tier.report("a", b"x") == {}
        assert tier.report("a", None).keys() == {"a"}
        assert tier.take_leases(["plex"], "a", 60)
        assert not tier.take_leases(["plex"], "b", 60)
    tier.close()
