"""Several processes that judge, obey and report as one."""

from medianest.peers.host import HostPeers

__all__ = ["HostPeers"]
