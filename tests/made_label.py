"""A label of two runs and three numbers, with a floor and a ceiling."""

from __future__ import annotations

from universality.results.release_label import LABEL_SCHEMA, Label


def made_run_record(name: str, **changes):
    return {
        "name": name,
        "spec": name,
        "d_sae": 100,
        "seed": 0,
        "model_name": "gpt2",
        "hook_name": "blocks.0.hook_resid_post",
        "dataset": None,
        "activation": "topk(4)",
        "alive_source": "firing",
        "sha256": "0" * 64,
        "training": {"n_presentations": 1_000_000, "n_distinct_tokens": None},
        "dead": 0.02,
        "duplicated": 0.0,
        "fvu": 0.2,
        "l0": 4.0,
    } | changes


def made_rule_row(rule: str, quantity: str, value: float | None, **changes):
    return {
        "rule": rule,
        "quantity": quantity,
        "value": value,
        "null_mean": 0.1,
        "null_sd": 0.01,
        "n": 100,
        "needs": "decoder",
        "reason_skipped": None,
        "floors": {"frozen_decoder": 0.2, "same_start": 0.9},
        "n_tokens": None,
    } | changes


def made_label(**changes) -> Label:
    return Label(
        {
            "schema": LABEL_SCHEMA,
            "universality": "0",
            "validity": {"valid": True, "reasons": []},
            "runs": [made_run_record("one"), made_run_record("two", seed=1, dead=0.3, fvu=0.25)],
            "tokens": {"n_tokens": 5000, "n_documents": 20, "caches": []},
            "policy": {"null": "geometry", "n_draws": 2, "seed": 0, "alive": "auto"},
            "floors": {},
            "rules": [
                made_rule_row("paulo2025", "share of latents", 0.4),
                made_rule_row("gerasimov2026", "mean stability", 0.15),
                made_rule_row("gerasimov2026", "stable share", 0.05),
                made_rule_row(
                    "lan2024", None, None, reason_skipped="no activations (--activations)"
                ),
            ],
            "checks": [],
        }
        | changes
    )
