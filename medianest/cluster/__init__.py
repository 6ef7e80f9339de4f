"""Hosts that obey and judge as one: what operators have said on one of them, all of them know, and
that a dependency is away there."""

from medianest.cluster.choice import tier_of
from medianest.cluster.identity import host_name
from medianest.cluster.link import HostLink
from medianest.cluster.standing import Standing

__all__ = ["HostLink", "Standing", "host_name", "tier_of"]
