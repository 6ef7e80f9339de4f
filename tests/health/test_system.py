"""Memory and processor of containers of both versions, nested ones, and of machines without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from medianest.health.system import System
from medianest.resilience import ManualClock
from tests.support.narrowing import not_none

MB = 2**20
MACHINE = 8192 * MB


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 GB, of which a half is free; four processors."""
    memory = psutil.virtual_memory()._replace(total=MACHINE, available=MACHINE // 2)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(psutil, "cpu_count", lambda: 4)


@pytest.fixture
def groups(tmp_path: Path, clock: ManualClock) -> Callable[..., System]:
    """`groups("0::/a\\n", {"a/memory.max": "1"})` is a System that sees that."""

    def make(own: str | None, files: dict[str, Any], **options: Any) -> System:
        root = tmp_path / "cgroup"
        root.mkdir()
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f"{text}\n")
        path = tmp_path / "own"
        if own is not None:
            path.write_text(own)
        return System(clock, root=root, own=path, **options)

    return make


def test_without_groups_it_is_the_machine(groups: Callable[..., System]) -> None:
    seen = groups(None, {}).memory()
    assert (seen.used_bytes, seen.limit_bytes, seen.limited_by) == (
        MACHINE // 2,
        MACHINE,
        "machine",
    )
    assert seen.share == 0.5
    assert seen.process_bytes > MB


def test_a_setting_limits_the_process_itself(groups: Callable[..., System]) -> None:
    seen = groups("0::/\n", {"memory.max": MB, "memory.current": MB}, memory_limit=2**40).memory()
    assert (seen.limited_by, seen.used_bytes) == ("setting", seen.process_bytes)


@pytest.mark.parametrize(
    ("own", "folder"),
    [
        ("0::/\n", ""),
        ("0::/app.slice/app.service\n", "app.slice/app.service/"),
        ("0::/what/only/the/host/knows\n", ""),
        ("1:name=systemd:/x\n0::/a\n", "a/"),
        ("0::/../..\n", ""),
    ],
)
def test_version_2(groups: Callable[..., System], own: str, folder: str) -> None:
    files = {
        f"{folder}memory.max": 100 * MB,
        f"{folder}memory.current": 90 * MB,
        f"{folder}memory.stat": f"anon {60 * MB}\nactive_file 1\ninactive_file {10 * MB}",
    }
    seen = groups(own, files).memory()
    assert (seen.used_bytes, seen.limit_bytes) == (80 * MB, 100 * MB)
    assert (seen.share, seen.limited_by) == (0.8, "container")


@pytest.mark.parametrize("path", ["/docker/abc", "/"])
def test_version_1(groups: Callable[..., System], path: str) -> None:
    folder = f"memory{path.rstrip('/')}/"
    files = {
        f"{folder}memory.limit_in_bytes": 100 * MB,
        f"{folder}memory.usage_in_bytes": 90 * MB,
        f"{folder}memory.stat": f"inactive_file 5\ntotal_inactive_file {20 * MB}",
    }
    own = f"12:cpu,cpuacct:{path}\n4:memory:{path}\n1:name=systemd:{path}\n"
    seen = groups(own, files).memory()
    assert (seen.limit_bytes, seen.limited_by) == (100 * MB, "container")
    assert seen.used_bytes == 70 * MB


@pytest.mark.parametrize("limit", ["max", 2**63 - 4096, MACHINE, "", "rubbish"])
def test_a_limit_that_is_none_is_none(groups: Callable[..., System], limit: str | int) -> None:
    seen = groups("0::/\n", {"memory.max": limit, "memory.current": 8000 * MB}).memory()
    assert seen.limited_by == "machine"


def test_of_nested_limits_the_nearest_counts(groups: Callable[..., System]) -> None:
    files = {
        "memory.max": "max",
        "memory.current": 7000 * MB,
        "a/memory.max": 200 * MB,
        "a/memory.current": 190 * MB,
        "a/b/memory.max": 100 * MB,
        "a/b/memory.current": 60 * MB,
        "a/b/c/memory.max": "max",
        "a/b/c/memory.current": 60 * MB,
    }
    seen = groups("0::/a/b/c\n", files).memory()
    assert (seen.limit_bytes, seen.share) == (200 * MB, 0.95)


def test_a_full_machine_is_nearer_than_a_roomy_container(
    groups: Callable[..., System], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = psutil.virtual_memory()._replace(available=MACHINE // 20)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    seen = groups("0::/\n", {"memory.max": 1000 * MB, "memory.current": 100 * MB}).memory()
    assert (seen.limited_by, seen.share) == ("machine", 0.95)


def test_files_that_can_be_dropped_are_never_more_than_there_is(
    groups: Callable[..., System],
) -> None:
    files = {"memory.max": 10 * MB, "memory.current": 4, "memory.stat": "inactive_file 9"}
    assert groups("0::/\n", files).memory().limit_bytes == MACHINE


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], object]:
    """`write("a/cpu.stat", text)` changes a file of what the System of `groups` sees."""
    return lambda name, text: (tmp_path / "cgroup" / name).write_text(text)


def test_the_processors_of_a_container_of_version_2(
    groups: Callable[..., System], write: Callable[[str, str], object], clock: ManualClock
) -> None:
    files = {"a/cpu.max": "150000 100000", "a/cpu.stat": "usage_usec 1000000\nuser_usec 1"}
    system = groups("0::/a\n", files)
    first = system.cpu()
    assert (first.share, first.process_share) == (None, None)
    assert (first.cores, first.limited_by) == (1.5, "container")
    assert system.cpu().share is None  # no time has passed
    clock.advance(10)
    write("a/cpu.stat", "usage_usec 13000000")
    assert system.cpu().share == 0.8
    clock.advance(10)
    write("a/cpu.stat", "usage_usec 113000000")
    assert system.cpu().share == 1.0


def test_a_look_right_after_another_is_not_of_that_moment_alone(
    groups: Callable[..., System], write: Callable[[str, str], object], clock: ManualClock
) -> None:
    """Keeps out: an operator has everything checked, and the processors were idle or busy for the
    hundredth of a second since the last check."""
    files = {"a/cpu.max": "100000 100000", "a/cpu.stat": "usage_usec 0"}
    system = groups("0::/a\n", files)
    system.cpu()
    clock.advance(10)
    write("a/cpu.stat", "usage_usec 5000000")
    assert system.cpu().share == 0.5
    clock.advance(0.01)
    assert system.cpu().share == pytest.approx(0.5, abs=0.01)


def test_the_processors_of_a_container_of_version_1(
    groups: Callable[..., System], write: Callable[[str, str], object], clock: ManualClock
) -> None:
    files = {
        "cpu/x/cpu.cfs_quota_us": 50_000,
        "cpu/x/cpu.cfs_period_us": 100_000,
        "cpu/x/cpuacct.usage": 10**9,
    }
    system = groups("3:cpu,cpuacct:/x\n", files)
    assert system.cpu().cores == 0.5
    clock.advance(4)
    write("cpu/x/cpuacct.usage", str(2 * 10**9))
    assert system.cpu().share == 0.5


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu.max": "max 100000", "cpu.stat": "usage_usec 1"},
        {"cpu.max": "800000 100000", "cpu.stat": "usage_usec 1"},
        {"cpu.max": "100000 100000"},
        {"cpu.max": "100000 0", "cpu.stat": "usage_usec 1"},
        {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000", "cpuacct.usage": "1"},
        {"cpu.max": "rubbish"},
    ],
)
def test_where_no_quota_is_less_than_the_machine_it_is_the_machine(
    groups: Callable[..., System], files: dict[str, Any]
) -> None:
    seen = groups("0::/\n", files).cpu()
    assert (seen.cores, seen.limited_by) == (4.0, "machine")


def test_of_nested_quotas_the_smallest_counts(groups: Callable[..., System]) -> None:
    files = {
        "cpu.max": "max 100000",
        "a/cpu.max": "100000 100000",
        "a/cpu.stat": "usage_usec 5",
        "a/b/cpu.max": "300000 100000",
        "a/b/cpu.stat": "usage_usec 5",
    }
    assert groups("0::/a/b\n", files).cpu().cores == 1.0


def test_the_machine_counts_the_time_of_its_guests_once(
    groups: Callable[..., System], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel counts it as time of users, too."""
    times = psutil.cpu_times()
    none = type(times)(*[0.0] * len(times))
    seen = iter([none, none._replace(user=10.0, guest=10.0, idle=30.0)])
    if not hasattr(none, "guest"):
        pytest.skip("no guests are counted here")
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(seen))
    system = groups(None, {})
    system.cpu()
    clock.advance(10)
    assert system.cpu().share == 0.25


def test_this_very_machine_can_be_looked_at(clock: ManualClock) -> None:
    system = System(clock)
    assert 0 <= system.memory().share <= 1.5
    system.cpu()
    clock.advance(1)
    found = system.cpu()
    assert 0 <= not_none(found.share) <= 1
    assert 0 <= not_none(found.process_share) <= 1
