"""Addresses to canonical dictionaries: resolving, detecting the format, reading it safely."""

from universality.loading.hashing import weights_hash
from universality.loading.runs import expand, load

__all__ = ["expand", "load", "weights_hash"]
