"""What a run is, in the summaries of two runs and of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from universality.activation_functions import describe_activation
from universality.checks.check import Check
from universality.checks.training_amount import amount_of_training
from universality.runs.part import RunPart


def about_run(run: RunPart) -> dict[str, Any]:
    """What a run is and which of its latents take part, ready for JSON."""
    dictionary, source, key = run.dictionary, run.dictionary.source, run.dictionary.key
    return {
        "spec": source.spec,
        "name": run.name,
        "format": source.format,
        "d_in": dictionary.d_in or None,
        "d_sae": dictionary.d_sae,
        "n_alive": run.alive.n_alive,
        "n_zero_rows": run.alive.n_zero_rows,
        "alive_source": run.alive.source,
        "activation": describe_activation(dictionary.activation_fn),
        "seed": key.seed,
        "hook_name": key.hook_name,
        "model_name": key.model_name,
        "dataset": key.dataset,
        "step": key.step,
        "neuronpedia_id": _neuronpedia_id(source.config),
        "training": amount_of_training(dictionary).as_record(),
        "sha256": run.sha256,
    }


def check_records(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """Checks as they stand in a summary."""
    return [
        {"id": one.id, "status": one.status, "value": one.value, "message": one.message}
        for one in checks
    ]


def _neuronpedia_id(config: Mapping[str, Any]) -> str | None:
    metadata = config.get("metadata")
    nested = metadata.get("neuronpedia_id") if isinstance(metadata, Mapping) else None
    found = nested or config.get("neuronpedia_id")
    return found if isinstance(found, str) else None
