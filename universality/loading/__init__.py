"""Addresses to canonical dictionaries: resolving, detecting the format, reading it safely."""

from universality.loading.addressed_runs import expand, load
from universality.loading.hashing import weights_hash

__all__ = ["expand", "load", "weights_hash"]
