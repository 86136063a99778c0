"""Nine published runs: do those found in k of eight come back in the ninth, and how many are there?

    python -m analysis.nine_seeds_reappearance PATH/TO/nine_seeds.npz

The file is that of `analysis.nine_seeds`: assignments of 35 of the 36 pairs of nine runs of 32,768
latents (EleutherAI/sae_overlap). A latent counts as found in another run where the decoder and the
encoder assignment name the same partner; without similarities there is no threshold. That is not
the published rule (both cosines at least .7), so nothing here compares with the published 34.8 ...
17.3 %. Base runs are the seven that have all eight pairs; every run is left out once.

Writes `chances.csv` (k of nine: the chance of a tenth run, with its interval), `left_out.csv` (for
every run left out and k of eight: predicted by the other eight, and observed), `census.csv`
(coverage and features of 1 to 18 runs) and `summary.json` with one sentence on each.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from universality.reappearance.reliability import Reliability, reliability
from universality.recurrence.assignments import read_assignments
from universality.recurrence.census.feature_census import census_summary, census_table
from universality.recurrence.reappearance.run_forecast import RunForecast, forecast_one_more
from universality.runs.partner_table import PartnerTable, with_both
from universality.runs.views import BOTH
from universality.storage.json_output import write_json


def run(path: Path, out: Path) -> dict[str, Any]:
    """The summary; tables are written to `out`."""
    edges = with_both(read_assignments(path))[BOTH]
    share = 1 / min(edges.sizes)
    forecast = forecast_one_more(edges)
    assert forecast is not None
    census = census_table(edges, share)
    tests = forecast.tests.assign(
        held_out_run=forecast.tests["held_out_run"].map(dict(enumerate(edges.runs)))
    )
    out.mkdir(parents=True, exist_ok=True)
    for name, table in (
        ("chances", _chances(forecast)),
        ("left_out", tests),
        ("census", census),
    ):
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.5f")
    summary = _summary(edges, forecast, census, census_summary(edges, share))
    write_json(summary, out / "summary.json")
    return summary


def _chances(forecast: RunForecast) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "k": np.arange(1, forecast.n_runs + 1),
            "n_latents": forecast.n_latents,
            "p_reappears": forecast.chance,
            "low": forecast.low,
            "high": forecast.high,
            "left_out_k_of_8": forecast.left_out,
        }
    )


def _scores(tests: pd.DataFrame) -> Reliability:
    """Over all runs left out: each latent of each base run is one outcome."""
    n_found = (tests["observed"] * tests["n"]).round().astype(int).to_numpy()
    n_missed = tests["n"].to_numpy() - n_found
    predicted = tests["predicted"].to_numpy()
    chances = np.concatenate([np.repeat(predicted, n_found), np.repeat(predicted, n_missed)])
    return reliability(chances, np.concatenate([np.ones(n_found.sum()), np.zeros(n_missed.sum())]))


def _summary(
    edges: PartnerTable, forecast: RunForecast, census: pd.DataFrame, about: dict[str, Any]
) -> dict[str, Any]:
    scores, tests = _scores(forecast.tests), forecast.tests
    worst = float((tests["predicted"] - tests["observed"]).abs().max())
    one, nine, twice = (census.loc[census["n_runs"] == m].iloc[0] for m in (1, 9, 18))
    low, high = about["features_at_least_interval"]
    return {
        "rule": "both assignments name one partner; no threshold",
        "base_runs": [edges.runs[run] for run in edges.complete],
        "reliability": {
            "n": scores.n,
            "base_rate": scores.base_rate,
            "auc": scores.auc,
            "brier": scores.brier,
            "brier_constant": scores.brier_constant,
            "calibration_error": scores.calibration_error,
            "expected_error": scores.expected_error,
            "largest_gap": worst,
        },
        "census": about,
        "sentences": [
            "Latents come back in the ninth run as often as the other eight predict: predicted "
            f"and observed share differ by {scores.calibration_error:.3f} on average and "
            f"{worst:.3f} at most, over nine runs left out and k = 1 ... 8.",
            f"One run holds {one['coverage']:.1%} of the latents of another, and nine runs hold "
            f"{nine['coverage']:.1%} ({nine['coverage_low']:.1%} to {nine['coverage_high']:.1%}) "
            f"of those of a tenth; eighteen would hold {twice['coverage']:.1%} if the trend went "
            "on.",
            f"The nine runs hold {about['features_seen']:,.0f} distinct features by this rule; "
            f"were every match right, at least {about['features_at_least']:,.0f} ({low:,.0f} to "
            f"{high:,.0f}) would exist, but a missed match makes two features of one, so that the "
            "number may well be above the truth.",
        ],
    }


def main() -> None:
    """Run the study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("assignments", type=Path)
    results = Path(__file__).parent / "results/nine_seeds_reappearance"
    parser.add_argument("--out", type=Path, default=results)
    given = parser.parse_args()
    for sentence in run(given.assignments, given.out)["sentences"]:
        print(sentence)


if __name__ == "__main__":
    main()
