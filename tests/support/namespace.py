"""A network of its own behind a firewall: needs root, `ip` (iproute2) and `nft` (nftables)."""

import os
import shutil
import subprocess

import pytest


class Namespace:
    """A network namespace that is reached at `address` from here, and nowhere else; there, `here`
    is this host. `number` tells several apart."""

    def __init__(self, number: int = 0) -> None:
        place = os.getpid() % 2**16
        self.name = f"medianest-{place}-{number}"
        self._near, self._far = f"mn{place}a{number}", f"mn{place}b{number}"
        network = f"10.{213 + number}.{place >> 8}"  # one of its own for each process that tests
        host = (place & 63) << 2
        self.here, self.address = f"{network}.{host + 1}", f"{network}.{host + 2}"

    def open(self) -> None:
        """Make it. Skips the test where this machine does not allow that."""
        if os.geteuid() != 0:
            pytest.skip("only root can make a network namespace")
        for command, package in (("ip", "iproute2"), ("nft", "nftables")):
            if shutil.which(command) is None:
                pytest.skip(f"no {command} command here (Debian: {package})")
        made = subprocess.run(["ip", "netns", "add", self.name], capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"no network namespace here: {made.stderr.strip()}")
        run(f"ip link add {self._near} type veth peer name {self._far} netns {self.name}")
        run(f"ip addr add {self.here}/30 dev {self._near}")
        run(f"ip link set {self._near} up")
        self.run(f"ip addr add {self.address}/30 dev {self._far}")
        self.run(f"ip link set {self._far} up")

    def close(self) -> None:
        """Take it down with its half of the wire; harmless when there is none."""
        subprocess.run(["ip", "link", "del", self._near], capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)

    def run(self, command: str) -> None:
        """Run a command inside."""
        run(f"{self.inside} {command}")

    @property
    def inside(self) -> str:
        """What to put before a command for it to run inside."""
        return f"ip netns exec {self.name}"

    def pull(self) -> None:
        """Pull the cable."""
        run(f"ip link set {self._near} down")

    def plug(self) -> None:
        """Put it in again."""
        run(f"ip link set {self._near} up")

    def forget(self, ports: list[int]) -> None:
        """Drop what comes from these ports of ours and what goes to them, without a word to either
        end, as a firewall does that has forgotten their connections."""
        listed = ", ".join(map(str, ports))
        rules = f"""
            table inet forgotten {{
                chain incoming {{
                    type filter hook input priority 0; tcp sport {{ {listed} }} drop
                }}
                chain outgoing {{
                    type filter hook output priority 0; tcp dport {{ {listed} }} drop
                }}
            }}
        """
        subprocess.run([*self.inside.split(), "nft", "-f", "-"], input=rules.encode(), check=True)

    def remember(self) -> None:
        """Let everything through again."""
        subprocess.run([*self.inside.split(), "nft", "flush", "ruleset"], check=True)


def run(command: str) -> None:
    done = subprocess.run(command.split(), capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
