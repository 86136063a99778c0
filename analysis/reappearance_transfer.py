"""Does a forecast of what comes back hold for other seeds, widths, hooks, sparsities, rules?

    python -m analysis.reappearance_transfer --work WORK

Reads the runs that `analysis.reappearance_cells` trained into WORK, and the shipped ones. A
forecast is fitted to every cell and tested on every other; within a cell, on each run by a fit in
which it had no part (in cells of two runs: whose base run it never was).

`transfer.csv`: by what is known, rule, cell of the fit and cell of the test, the mean over base
runs of AUC, Brier score (that of the constant beside it) and calibration error beyond luck, with
standard errors over base runs; `reasons` is how many reasons the domain of the fit gives against
the cell of the test, and `covariate_reasons` how many of them are about its latents, not its files.
`bins.csv`: predicted and observed within each cell and from the shipped calibration.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd

import universality as un
from analysis.reappearance_cells import CELLS, folder_of
from universality.errors import InvalidInputError
from universality.reappearance.domain import Domain, Recipe, domain_of, outside, recipe_of
from universality.reappearance.fitted_forecast import KNOWN, RULES
from universality.reappearance.fitting import (
    Trials,
    enough,
    fit_forecast,
    gather_trials,
    leave_one_out,
    outcomes,
    tested,
)
from universality.reappearance.reliability import Reliability
from universality.runs.matched import match_runs
from universality.runs.policy import Policy
from universality.runs.run_set import gather_runs
from universality.shipped import shipped_folder
from universality.storage.json_output import write_json

SHIPPED: Mapping[str, tuple[str, ...]] = {
    "shipped 2304": ("w2304-s0", "w2304-s1", "w2304-s2"),
    "shipped 1152": ("w1152-s0", "w1152-s1"),
    "shipped 576": ("w576-s0", "w576-s1"),
}
"""The shipped runs by width: trained twelve times as long as those of the study."""

POOLED = "all shipped"
"""A fit to the shipped runs of every width."""

THRESHOLD = 0.7


@final
@dataclass(frozen=True, eq=False)
class Cell:
    """Runs of one recipe."""

    trials: Trials
    """Each latent of each, looked for in every other."""
    recipes: tuple[Recipe, ...]
    """What made each."""

    @property
    def domain(self) -> Domain:
        """Of a fit to them."""
        return domain_of(self.recipes, self.trials.own)


def read_cells(work: Path) -> dict[str, Cell]:
    """The cells of the study that have two runs or more, and the shipped ones."""
    places = {
        name: [run for run in sorted(folder_of(work, name).glob("w*")) if run.is_dir()]
        for name in CELLS
    }
    shipped = {name: [shipped_folder() / run for run in runs] for name, runs in SHIPPED.items()}
    return {name: _read(runs) for name, runs in (places | shipped).items() if len(runs) > 1}


def _read(places: list[Path]) -> Cell:
    policy = Policy(views=("decoder", "encoder"))
    runs = gather_runs([un.load(place) for place in places], policy)
    recipes = tuple(recipe_of(run) for run in runs.dictionaries)
    return Cell(gather_trials(match_runs(runs, policy), THRESHOLD), recipes)


def transfer_rows(cells: Mapping[str, Cell]) -> Iterator[dict[str, Any]]:
    """Every fit on every cell."""
    fits = {name: [name] for name in cells} | {POOLED: [n for n in SHIPPED if n in cells]}
    for known in KNOWN:
        for rule in RULES:
            for fitted, names in fits.items():
                some = [cells[name].trials for name in names]
                if not enough(some, known):
                    continue
                for on, cell in cells.items():
                    tests = _tests(some, cell.trials, rule, known, within=on in names)
                    if tests:
                        about = {"known": known, "rule": rule, "fitted_on": fitted, "on": on}
                        domain = _pooled(cells, names, known)
                        yield about | _scores(tests) | _reasons(domain, cell)


def _tests(
    fitted: list[Trials], on: Trials, rule: str, known: str, *, within: bool
) -> list[Reliability]:
    if not enough([on], known):
        return []
    try:
        if within:
            found = leave_one_out(fitted, rule, known)
            return [found[name] for name in on.names]
        model = fit_forecast(fitted, rule, known)
    except InvalidInputError:  # nothing came back, or all of it: there is nothing to fit
        return []
    everyone = range(on.n_runs)
    return [
        tested(model, outcomes(on, rule, known, bases=[base], among=everyone)) for base in everyone
    ]


def _pooled(cells: Mapping[str, Cell], names: list[str], known: str) -> Domain:
    taken = [cells[name] for name in names if enough([cells[name].trials], known)]
    return domain_of(
        [recipe for cell in taken for recipe in cell.recipes],
        [own for cell in taken for own in cell.trials.own],
    )


def _scores(tests: list[Reliability]) -> dict[str, Any]:
    row: dict[str, Any] = {"n_base_runs": len(tests)}
    for name in ("base_rate", "auc", "brier", "brier_constant", "calibration_error"):
        row[name] = float(np.mean([getattr(one, name) for one in tests]))
    for name in ("auc", "brier", "excess_error"):
        values = np.array([getattr(one, name) for one in tests])
        row[name] = float(values.mean())
        row[f"{name}_se"] = float(values.std(ddof=1) / np.sqrt(len(values)))
    row["expected_error"] = float(np.mean([one.expected_error for one in tests]))
    return row


def _reasons(domain: Domain, cell: Cell) -> dict[str, Any]:
    recipe = [outside(domain, one, None) for one in cell.recipes]
    both = zip(cell.recipes, cell.trials.own, strict=True)
    every = [outside(domain, one, own) for one, own in both]
    of_latents = [len(a) - len(b) for a, b in zip(every, recipe, strict=True)]
    return {
        "reasons": min(map(len, every)),
        "covariate_reasons": min(of_latents),
        "first_reason": every[0][0] if every[0] else "",
    }


def bin_rows(cells: Mapping[str, Cell]) -> Iterator[pd.DataFrame]:
    """Predicted and observed, within each cell and by the fit to all shipped runs."""
    pooled = [cells[name].trials for name in SHIPPED if name in cells]
    for rule in RULES:
        for name, cell in cells.items():
            for fitted, some in ((name, [cell.trials]), (POOLED, pooled)):
                within = any(one is cell.trials for one in some)
                tests = _tests(some, cell.trials, rule, KNOWN[0], within=within)
                for run, test in zip(cell.trials.names, tests, strict=False):
                    yield test.bins.assign(rule=rule, fitted_on=fitted, on=name, base_run=run)


def run(work: Path, out: Path) -> None:
    """Both tables."""
    cells = read_cells(work)
    out.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(transfer_rows(cells))
    table.to_csv(out / "transfer.csv", index=False, float_format="%.4f")
    bins = pd.concat(bin_rows(cells), ignore_index=True)
    bins.to_csv(out / "bins.csv", index=False, float_format="%.4f")
    about = {
        "command": "python -m analysis.reappearance_transfer --work WORK "
        "--out analysis/results/reappearance_transfer",
        "threshold": THRESHOLD,
        "cells": {
            name: {"runs": list(cell.trials.names), "d_sae": cell.recipes[0].d_sae}
            for name, cell in cells.items()
        },
    }
    write_json(about, out / "settings.json")
    print(table.drop(columns="first_reason").to_string(index=False, float_format="%.3f"))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    results = Path(__file__).parent / "results/reappearance_transfer"
    parser.add_argument("--out", type=Path, default=results)
    given = parser.parse_args()
    run(given.work, given.out)


if __name__ == "__main__":
    main()
