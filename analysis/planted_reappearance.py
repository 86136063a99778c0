"""Chances to come back, and the census, in populations of features whose truth is known.

    python -m analysis.planted_reappearance --out analysis/results/planted_reappearance

Fifty populations of each kind: every run has every feature with that feature's own chance; matching
may miss pairs, split features and add latents that are of no feature. One run more than is used is
drawn, and its latents share it, so that populations and not latents are independent.

`chances.csv`: by population, number of runs and k, the mean of predicted minus observed chance, by
what leaving one run out shows (k of n - 1 taken for k of n), by a beta-binomial law, and by the
distribution without a form that `stability` fits. `census.csv`: by kind of error, features seen,
the bound, and how many there are; `direction` is that of the bound against the truth.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import betabinom

from universality.recurrence.census.incidence import coverage, incidence, lower_bound
from universality.recurrence.families.spectrum import n_runs_found
from universality.recurrence.reappearance.recurrence_counts import found_counts
from universality.recurrence.reappearance.run_forecast import forecast_one_more
from universality.runs.partner_table import Link, PartnerTable, among, stack
from universality.storage.json_output import write_json
from universality.synthetic.populations import DrawnRuns, Flaws, draw_population

N_FEATURES = 1_500


@final
@dataclass(frozen=True)
class Settings:
    """What decides the tables."""

    n_populations: int = 50
    """Populations of each kind."""
    numbers_of_runs: tuple[int, ...] = (3, 4, 5, 8)
    """Runs that are used; one more is predicted."""
    census_runs: int = 5
    """Runs of the census."""


def _two_kinds(generator: np.random.Generator) -> np.ndarray:
    rare = generator.random(N_FEATURES) < 0.4
    low, high = generator.beta(1, 12, N_FEATURES), generator.beta(3, 1, N_FEATURES)
    return np.where(rare, low, high)


POPULATIONS: Mapping[str, tuple[Callable[[np.random.Generator], np.ndarray], Flaws]] = {
    "beta(.6, .8)": (lambda g: g.beta(0.6, 0.8, N_FEATURES), Flaws()),
    "two kinds": (_two_kinds, Flaws()),
    "three chances": (
        lambda g: g.choice([0.1, 0.5, 0.95], N_FEATURES, p=[0.5, 0.3, 0.2]),
        Flaws(),
    ),
    "beta(.5, .5) and as many latents of nothing": (
        lambda g: g.beta(0.5, 0.5, N_FEATURES),
        Flaws(unrelated=N_FEATURES // 2),
    ),
    "uniform, with misses, splits and latents of nothing": (
        lambda g: g.random(900),
        Flaws(missed=0.15, split=0.1, unrelated=150),
    ),
}

ERRORS: Mapping[str, Flaws] = {
    "none": Flaws(),
    "10 % of pairs missed": Flaws(missed=0.1),
    "30 % of pairs missed": Flaws(missed=0.3),
    "10 % of features split": Flaws(split=0.1),
    "30 % of features split": Flaws(split=0.3),
    "5 % of latents of nothing": Flaws(unrelated=20),
    "20 % of latents of nothing": Flaws(unrelated=100),
    "nothing but latents of nothing": Flaws(unrelated=400),
    "all of it": Flaws(missed=0.1, split=0.1, unrelated=20),
}


def chance_rows(settings: Settings) -> Iterator[dict[str, Any]]:
    """By population, number of runs, k and estimate: mean gap, its error, and the truth."""
    for name, (draw, flaws) in POPULATIONS.items():
        for n_runs in settings.numbers_of_runs:
            gaps: dict[str, list[np.ndarray]] = {}
            seen = []
            for seed in range(settings.n_populations):
                generator = np.random.default_rng([seed, n_runs])
                edges = matched(
                    draw_population(draw(generator), n_runs + 1, generator=generator, flaws=flaws)
                )
                truth = _observed(edges, n_runs)
                seen.append(truth)
                for estimate, chance in _estimates(among(edges, range(n_runs))).items():
                    gaps.setdefault(estimate, []).append(chance - truth)
            for estimate, found in gaps.items():
                gap = np.array(found)
                error = gap.std(axis=0, ddof=1) / np.sqrt(len(gap))
                for k in range(n_runs):
                    yield {
                        "population": name,
                        "n_runs": n_runs,
                        "k": k + 1,
                        "estimate": estimate,
                        "truth": np.mean(seen, axis=0)[k],
                        "bias": gap.mean(axis=0)[k],
                        "standard_error": error[k],
                    }


def census_rows(settings: Settings) -> Iterator[dict[str, Any]]:
    """By kind of error: 800 features of uniform chances, what is seen of them, and the bound."""
    for name, flaws in ERRORS.items():
        n_features = 0 if name.startswith("nothing but") else 800
        found = []
        for seed in range(settings.n_populations):
            generator = np.random.default_rng(seed)
            chances = generator.random(n_features)
            drawn = draw_population(chances, settings.census_runs, generator=generator, flaws=flaws)
            seen = incidence(matched(drawn))
            assert seen is not None
            values = (seen.q1, seen.q2, seen.n_seen, lower_bound(seen))
            found.append((*values, coverage(seen, settings.census_runs)))
        mean = np.mean(found, axis=0)
        bounds = np.array(found)[:, 3]
        yield {
            "error": name,
            "true_features": n_features,
            "q1": mean[0],
            "q2": mean[1],
            "seen": mean[2],
            "at_least": mean[3],
            "standard_error": bounds.std(ddof=1) / np.sqrt(len(bounds)),
            "coverage_of_the_next": mean[4],
            "direction": "above the truth" if mean[3] > n_features else "below the truth",
        }


def matched(drawn: DrawnRuns) -> PartnerTable:
    """The pairs that were drawn, as edges."""
    sizes = [len(latents) for latents in drawn.feature]
    links = {pair: Link(a, b) for pair, (a, b) in drawn.pairs.items()}
    names = [str(run) for run in range(len(sizes))]
    return stack(names, [np.ones(size, dtype=bool) for size in sizes], links)


def _observed(edges: PartnerTable, n_runs: int) -> np.ndarray:
    """Share of the latents found in 1, 2, ... n of the first n runs that the last one has."""
    ours = edges.run_of < n_runs
    found = n_runs_found(among(edges, range(n_runs))) - 1
    again = edges.partner[ours, n_runs] >= 0
    counts = np.bincount(found, minlength=n_runs)
    return np.asarray(np.bincount(found, weights=again, minlength=n_runs) / np.maximum(counts, 1))


def _estimates(edges: PartnerTable) -> dict[str, np.ndarray]:
    found = forecast_one_more(edges)
    assert found is not None
    return {
        "left out, k of n - 1": found.left_out,
        "beta-binomial": _beta_binomial(found_counts(edges)),
        "no form": found.chance,
    }


def _beta_binomial(counts: np.ndarray) -> np.ndarray:
    m = len(counts) - 1
    x = np.arange(m + 1)

    def surprise(logs: np.ndarray) -> float:
        return float(-counts @ betabinom.logpmf(x, m, *np.exp(np.clip(logs, -8, 8))))

    a, b = np.exp(minimize(surprise, np.zeros(2), method="Nelder-Mead").x)
    return np.asarray((a + x) / (a + b + m))


def run(out: Path, settings: Settings) -> None:
    """Both tables."""
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("chances", chance_rows(settings)), ("census", census_rows(settings))):
        table = pd.DataFrame(rows)
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.4f")
        print(table.to_string(index=False, float_format="%.3f"))
    command = "python -m analysis.planted_reappearance --out analysis/results/planted_reappearance"
    write_json({"command": command, "n_populations": settings.n_populations}, out / "settings.json")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
