"""Hosts that obey as one: what operators have said on one of them, all of them know."""

from medianest.cluster.choice import tier_of
from medianest.cluster.link import HostLink
from medianest.cluster.standing import Standing

__all__ = ["HostLink", "Standing", "tier_of"]
