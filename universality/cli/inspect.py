"""`universality inspect`: what a checkpoint is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from universality.cli.options import calibration_option
from universality.cli.terminal import say
from universality.cli.types import Address
from universality.intake.names import all_visible


@click.command()
@click.argument("run", type=Address())
@click.option("--format", "format_", metavar="F", help="Format, where it cannot be told.")
@click.option(
    "--orientation",
    type=click.Choice(["rows", "columns"]),
    help="Whether rows or columns of a square decoder are its directions.",
)
@click.option(
    "--reappearance",
    is_flag=True,
    help="Add the chance that one more run has each latent, and what it depends on.",
)
@calibration_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def inspect(
    run: str,
    format_: str | None,
    orientation: Any,
    reappearance: bool,
    calibration: Path | None,
    as_json: bool,
) -> None:
    """Say what the checkpoint RUN is: format, shapes, rule, seed, norms, dead latents."""
    from universality.loading.inspection import examine

    found = examine(run, format=format_, orientation=orientation)
    summary = found.summary()
    if reappearance or calibration is not None:
        from universality.reappearance.from_run import reappearance_of

        forecast = reappearance_of(found.dictionary, calibration)
        summary["reappearance"] = forecast.as_record()
        if as_json:
            summary["reappearance"]["latents"] = forecast.chances_by_latent()
    say(json.dumps(summary, indent=2) if as_json else _screen(all_visible(summary)))


def _screen(summary: dict[str, Any]) -> str:
    rows = [(label, value) for label, value in _lines(summary) if value]
    if "reappearance" in summary:
        from universality.cli.reappearance_screen import covariate_lines, forecast_lines

        said = forecast_lines(summary["reappearance"]) + covariate_lines(summary["reappearance"])
        rows += [("reappears" if not i else "", line) for i, line in enumerate(said)]
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {value}" for label, value in rows)


def _lines(s: dict[str, Any]) -> list[tuple[str, str]]:
    norm = s["decoder_norm"]
    shapes = f"{s['d_sae']:,} latents, d_in {s['d_in']:,}"
    seed = "unknown" if s["seed"] is None else f"{s['seed']} ({s['seed_found_in']})"
    version = f" {s['version']}" if s["version"] else ""
    return [
        ("run", s["spec"]),
        ("format", f"{s['format']}{version}"),
        ("rule", s["architecture"]),
        ("cannot encode", s["encode_refused"] or ""),
        ("shape", shapes + (f", d_out {s['d_out']:,}" if s["d_out"] != s["d_in"] else "")),
        ("tensors", f"{', '.join(s['tensors'])} ({s['dtype']})"),
        ("b_dec", "subtracted before encoding" if s["b_dec_subtracted_first"] else ""),
        ("input", s["normalization"]),
        ("model, hook", ", ".join(x for x in (s["model_name"], s["hook_name"]) if x)),
        ("seed", seed),
        ("step", "" if s["step"] is None else f"{s['step']:,}"),
        ("decoder norm", f"{norm['min']:.4g} to {norm['max']:.4g}, median {norm['median']:.4g}"),
        ("dead", _dead(s)),
        ("training", _trained(s["training"])),
        ("missing keys", ", ".join(s["missing_keys"])),
        ("extra keys", _first(s["extra_keys"])),
        *(("assumed", sentence) for sentence in s["assumptions"]),
        ("sha256", s["sha256"]),
    ]


def _dead(s: dict[str, Any]) -> str:
    zero = f"{s['n_zero_rows']:,} decoder rows of zeros"
    if s["n_never_fired"] is None:
        return f"{zero}; no firing counts"
    return f"{s['n_never_fired']:,} never fired ({s['firing_source']}); {zero}"


def _trained(training: dict[str, Any] | None) -> str:
    numbers = {k: v for k, v in (training or {}).items() if isinstance(v, int | float)}
    return ", ".join(f"{name} {value:,.6g}" for name, value in numbers.items())


def _first(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
