"""Figures from results: each function takes a result and an `Axes`, draws, and returns the axes."""

from universality.figures.backend import only_settings
from universality.figures.calibration_curves import false_discoveries, p_value_levels, power
from universality.figures.catalogue import figures_of, headlines_of
from universality.figures.connectors import (
    connector_degrees,
    connector_weights,
    unexplained_by_latent,
    weights_over_threshold,
)
from universality.figures.from_tables import (
    frequency_histogram,
    grouped_bars,
    run_matrix,
    similarity_against_ratio,
)
from universality.figures.investigations import (
    activation_density,
    activation_weight,
    effect_beside_controls,
    likeness_beside_null,
    logit_weight_histogram,
    partner_activations,
    partner_effects,
    precision_by_interval,
)
from universality.figures.label_rules import rules_beside_floors
from universality.figures.many_runs import (
    consistency_over_steps,
    only_in_one,
    pair_matrix,
    spectrum,
    stability_against_frequency,
    stability_against_norm,
)
from universality.figures.numbers import plotted_numbers
from universality.figures.one_more_run import coverage_against_runs, reappearance_reliability
from universality.figures.pairs import activation_scatter, logit_scatter
from universality.figures.partners import partners_against_price
from universality.figures.same_effects import effects_against_similarity
from universality.figures.several_results import (
    figures_together,
    only_in_one_together,
    shares_together,
)
from universality.figures.similarities import (
    decoder_against_activations,
    decoder_against_encoder,
    matched_similarity,
    p_value_calibration,
    similarity_against_frequency,
)
from universality.figures.toy_models import (
    active_over_training,
    feature_overlaps,
    features_in_plane,
)
from universality.figures.two_runs import (
    account_of_latents,
    grades,
    means_beside_null,
    share_against_threshold,
)
from universality.figures.widths import width_flow, width_ladder
from universality.figures.writing import write_figure, write_figures, write_panels

__all__ = [
    "account_of_latents",
    "activation_density",
    "activation_scatter",
    "activation_weight",
    "active_over_training",
    "connector_degrees",
    "connector_weights",
    "consistency_over_steps",
    "coverage_against_runs",
    "decoder_against_activations",
    "decoder_against_encoder",
    "effect_beside_controls",
    "effects_against_similarity",
    "false_discoveries",
    "feature_overlaps",
    "features_in_plane",
    "figures_of",
    "figures_together",
    "frequency_histogram",
    "grades",
    "grouped_bars",
    "headlines_of",
    "likeness_beside_null",
    "logit_scatter",
    "logit_weight_histogram",
    "matched_similarity",
    "means_beside_null",
    "only_in_one",
    "only_in_one_together",
    "only_settings",
    "p_value_calibration",
    "p_value_levels",
    "pair_matrix",
    "partner_activations",
    "partner_effects",
    "partners_against_price",
    "plotted_numbers",
    "power",
    "precision_by_interval",
    "reappearance_reliability",
    "rules_beside_floors",
    "run_matrix",
    "share_against_threshold",
    "shares_together",
    "similarity_against_frequency",
    "similarity_against_ratio",
    "spectrum",
    "stability_against_frequency",
    "stability_against_norm",
    "unexplained_by_latent",
    "weights_over_threshold",
    "width_flow",
    "width_ladder",
    "write_figure",
    "write_figures",
    "write_panels",
]
