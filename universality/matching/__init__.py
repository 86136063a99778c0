"""Which latent of one run is which of the other: nearest, mutual nearest, certified assignment."""

from universality.matching.assignment import assign, match
from universality.matching.candidates import Candidates, find_candidates, merge
from universality.matching.certificate import Verification, verify
from universality.matching.neighbours import Neighbours
from universality.matching.own_run import Within, match_within
from universality.matching.partial import PartialMatching, assign_partially, match_partially
from universality.matching.result import Matching
from universality.matching.tiling import Tiling

__all__ = [
    "Candidates",
    "Matching",
    "Neighbours",
    "PartialMatching",
    "Tiling",
    "Verification",
    "Within",
    "assign",
    "assign_partially",
    "find_candidates",
    "match",
    "match_partially",
    "match_within",
    "merge",
    "verify",
]
