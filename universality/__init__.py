"""Are the features that sparse autoencoders learn real, or accidents of one run?

The public names are imported on first use, so `import universality` is instant and does no work.
docs/reference.md has each of them with an example.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from universality._version import __version__

if TYPE_CHECKING:
    from universality import figures as figures
    from universality.activations.collecting import collect
    from universality.activations.formats.detection import open_activations
    from universality.comparison.comparison import compare
    from universality.connectors.across_seeds import compare_connectors
    from universality.connectors.connector import Connector
    from universality.connectors.connector_file import read_connector
    from universality.connectors.connector_fit import fit_connector
    from universality.dictionary import Dictionary
    from universality.distributed.engines import work
    from universality.distributed.merging import merge_work
    from universality.distributed.plan_status import plan_status
    from universality.distributed.planning import plan_work
    from universality.encoding.streaming import encode
    from universality.errors import UniversalityError
    from universality.investigation.investigating import investigate
    from universality.loading.addressed_runs import expand, load
    from universality.matching.assignment import match
    from universality.matching.by_codes import match_codes
    from universality.matching.certificate import verify
    from universality.matching.nearest import nearest
    from universality.matching.partial import PartialMatching, match_partially
    from universality.matching.result import Matching
    from universality.matching.transport import Transport, transport
    from universality.nulls.own_statistic import null_of
    from universality.pair_geometry.geometry_reading import geometry_of_pairs
    from universality.publishing.publication import publish
    from universality.reappearance.fitted_forecast import Calibration
    from universality.reappearance.from_run import reappearance_of
    from universality.recurrence.reappearance.calibrating import calibrate
    from universality.recurrence.study import consensus_of, stability
    from universality.results import (
        Comparison,
        Investigation,
        Stability,
        read_comparison,
        read_investigation,
        read_result,
        read_stability,
    )
    from universality.results.release_label import Label, read_label
    from universality.results.verdicts import verdict
    from universality.rules.applied import apply_rules
    from universality.rules.labelling import label
    from universality.rules.rule_chance import chance_by_rule
    from universality.runs.policy import Policy
    from universality.saving import save
    from universality.training.runs import train
    from universality.training.settings import TrainingSettings

_PUBLIC = {
    # Runs and what they read.
    "Dictionary": "universality.dictionary",
    "load": "universality.loading.addressed_runs",
    "expand": "universality.loading.addressed_runs",
    "save": "universality.saving",
    "collect": "universality.activations.collecting",
    "open_activations": "universality.activations.formats.detection",
    "encode": "universality.encoding.streaming",
    "train": "universality.training.runs",
    "TrainingSettings": "universality.training.settings",
    # Matching.
    "match": "universality.matching.assignment",
    "match_codes": "universality.matching.by_codes",
    "match_partially": "universality.matching.partial",
    "PartialMatching": "universality.matching.partial",
    "transport": "universality.matching.transport",
    "Transport": "universality.matching.transport",
    "verify": "universality.matching.certificate",
    "Matching": "universality.matching.result",
    "nearest": "universality.matching.nearest",
    "null_of": "universality.nulls.own_statistic",
    "geometry_of_pairs": "universality.pair_geometry.geometry_reading",
    # Two runs and many.
    "Policy": "universality.runs.policy",
    "compare": "universality.comparison.comparison",
    "Comparison": "universality.results",
    "stability": "universality.recurrence.study",
    "Stability": "universality.results",
    "consensus_of": "universality.recurrence.study",
    # The same by many processes.
    "plan_work": "universality.distributed.planning",
    "work": "universality.distributed.engines",
    "plan_status": "universality.distributed.plan_status",
    "merge_work": "universality.distributed.merging",
    # One latent.
    "investigate": "universality.investigation.investigating",
    "Investigation": "universality.results",
    "read_investigation": "universality.results",
    "verdict": "universality.results.verdicts",
    # Will it come back?
    "calibrate": "universality.recurrence.reappearance.calibrating",
    "Calibration": "universality.reappearance.fitted_forecast",
    "reappearance_of": "universality.reappearance.from_run",
    # What the literature says of the same runs.
    "apply_rules": "universality.rules.applied",
    "chance_by_rule": "universality.rules.rule_chance",
    "label": "universality.rules.labelling",
    "Label": "universality.results.release_label",
    "read_label": "universality.results.release_label",
    # From one layer to the next.
    "fit_connector": "universality.connectors.connector_fit",
    "Connector": "universality.connectors.connector",
    "read_connector": "universality.connectors.connector_file",
    "compare_connectors": "universality.connectors.across_seeds",
    # Keeping and reading results.
    "publish": "universality.publishing.publication",
    "read_result": "universality.results",
    "read_comparison": "universality.results",
    "read_stability": "universality.results",
    "UniversalityError": "universality.errors",
}

__all__ = [
    "Calibration",
    "Comparison",
    "Connector",
    "Dictionary",
    "Investigation",
    "Label",
    "Matching",
    "PartialMatching",
    "Policy",
    "Stability",
    "TrainingSettings",
    "Transport",
    "UniversalityError",
    "__version__",
    "apply_rules",
    "calibrate",
    "chance_by_rule",
    "collect",
    "compare",
    "compare_connectors",
    "consensus_of",
    "encode",
    "expand",
    "fit_connector",
    "geometry_of_pairs",
    "investigate",
    "label",
    "load",
    "match",
    "match_codes",
    "match_partially",
    "merge_work",
    "nearest",
    "null_of",
    "open_activations",
    "plan_status",
    "plan_work",
    "publish",
    "read_comparison",
    "read_connector",
    "read_investigation",
    "read_label",
    "read_result",
    "read_stability",
    "reappearance_of",
    "save",
    "stability",
    "train",
    "transport",
    "verdict",
    "verify",
    "work",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    if name == "figures":
        return importlib.import_module("universality.figures")
    raise AttributeError(f"module 'universality' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "figures"]
