"""The published rules by name.

Left out, because neither code nor formula could be had: the distributional similarity of AudioSAE
(arXiv:2602.05027; its repository holds a README alone), and metrics of other papers of 2026 that
stand in no abstract and no code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from universality.errors import InvalidInputError
from universality.rules.between_spaces import lan2024, lan2024_by_chance
from universality.rules.by_assignment import agreement2025, paulo2025, saelens2026, song2025
from universality.rules.by_firing import gurnee2024
from universality.rules.by_nearest import gerasimov2026, husai2026, mcs2023
from universality.rules.by_stitching import leask2025, leask2025_by_chance
from universality.rules.rule import Need, PublishedRule

_BOTH: tuple[Need, ...] = ("decoder", "encoder")

PUBLISHED: Mapping[str, PublishedRule] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            PublishedRule(
                "paulo2025",
                "paulo2025",
                "one partner by decoder and encoder, both cosines over .7",
                _BOTH,
                paulo2025,
                "both views",
                aliases=("paulo",),
            ),
            PublishedRule(
                "agreement2025",
                "paulo2025",
                "one partner by decoder and encoder, at no threshold",
                _BOTH,
                agreement2025,
                "both views",
                aliases=("agreement",),
            ),
            PublishedRule(
                "song2025",
                "song2025",
                "PW-MCC: mean cosine of the assignment",
                ("decoder",),
                song2025,
                "each view",
                aliases=("pw_mcc",),
            ),
            PublishedRule(
                "mcs2023",
                "cunningham2023",
                "MMCS: mean largest cosine, in one direction",
                ("decoder",),
                mcs2023,
                "each view",
                aliases=("mcs", "mmcs"),
            ),
            PublishedRule(
                "husai2026",
                "husai2026",
                "PWMCC: mean largest absolute cosine, both directions",
                ("decoder",),
                husai2026,
                "each view",
                aliases=("husai", "pwmcc"),
            ),
            PublishedRule(
                "gerasimov2026",
                "gerasimov2026",
                "share of the other runs with a cosine of .7 or more",
                ("decoder",),
                gerasimov2026,
                "each view",
            ),
            PublishedRule(
                "gurnee2024",
                "gurnee2024",
                "correlation above that with a rotated partner by .5",
                ("activations",),
                gurnee2024,
                "tokens",
            ),
            PublishedRule(
                "lan2024",
                "lan2024",
                "are the decoder rows of latents that fire together arranged alike",
                ("decoder rows", "activations"),
                lan2024,
                "own",
                read_by_chance=lan2024_by_chance,
            ),
            PublishedRule(
                "leask2025",
                "leask2025",
                "latents of the wider run that lower the narrower run's error",
                ("decoder", "activations", "two widths"),
                leask2025,
                "own",
                read_by_chance=leask2025_by_chance,
            ),
            PublishedRule(
                "saelens2026",
                "saelens2026",
                "mean absolute cosine of the assignment to a known truth",
                ("decoder", "truth"),
                saelens2026,
                "each view",
                aliases=("saelens_mcc",),
            ),
        )
    }
)
"""Every rule, in the order in which tables list them."""


def rules_named(names: Sequence[str]) -> tuple[PublishedRule, ...]:
    """The rules of these names or aliases, each once; `all` stands for every one.

    Raises:
        InvalidInputError: there is no such rule.
    """
    if "all" in names:
        return tuple(PUBLISHED.values())
    known = {alias: rule for rule in PUBLISHED.values() for alias in (rule.name, *rule.aliases)}
    for name in names:
        if name not in known:
            raise InvalidInputError(f"--rule takes all, {', '.join(PUBLISHED)}; got {name!r}")
    return tuple({known[name].name: known[name] for name in names}.values())
