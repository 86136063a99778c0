"""A fitted forecast with all that must stand beside it: its domain, its tests, its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd

from universality._version import __version__
from universality.errors import FormatError
from universality.intake.fields import Fields
from universality.intake.json_files import read_mapping
from universality.reappearance.domain import Domain, read_domain
from universality.reappearance.logistic import Logistic
from universality.reappearance.own_covariates import OWN
from universality.reappearance.pair_covariates import BESIDE
from universality.reappearance.reliability import Reliability
from universality.runs.views import BOTH
from universality.storage.json_output import write_json

SCHEMA = "universality.reappearance/1"
"""Written into every calibration."""

RULES = ("decoder", BOTH)
"""The rules by which a latent counts as found again: its decoder partner reaches the threshold, or
its partner in both views does."""

KNOWN = ("one_run", "two_runs")
"""What a forecast knows: the latent's own run, or also whether another run has it."""

_SHIPPED = "shipped.json"


@final
@dataclass(frozen=True, eq=False)
class Calibration:
    """Forecasts by rule and by what they know, and where they hold."""

    name: str
    """What it was fitted to, in a few words."""
    version: int
    """Raised whenever what is shipped under the name is fitted anew."""
    threshold: float
    """Similarity from which a partner counts as the same latent."""
    models: Mapping[tuple[str, str], Logistic]
    """By rule and by what is known."""
    tests: Mapping[tuple[str, str], Mapping[str, Reliability]]
    """The same keys: by name of a run, how good the fit was whose base run that never was."""
    how_tested: str
    """In a sentence, what was left out."""
    domains: Mapping[str, Domain]
    """Which runs it speaks of, by what is known: two runs take three of a kind to fit."""
    runs: tuple[Mapping[str, Any], ...]
    """The runs it was fitted to: name, sha256, seed."""
    note: str = ""
    """In what runs of one kind differ besides their seed; empty where they do not."""

    def worth(self, rule: str, known: str) -> dict[str, float]:
        """Means over the runs it was tested on: `auc`, `calibration_error`, `excess_error`."""
        tests = list(self.tests[rule, known].values())
        names = ("auc", "calibration_error", "excess_error")
        return {name: float(np.mean([getattr(one, name) for one in tests])) for name in names}

    def save(self, path: str | Path) -> None:
        """Write it as JSON.

        Raises:
            OutputError: the file cannot be written.
        """
        write_json(self.as_record(), Path(path))

    def as_record(self) -> dict[str, Any]:
        """As it lies in a file: every coefficient by name, with what it stands for."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "version": self.version,
            "universality_version": __version__,
            "threshold": self.threshold,
            "chance": "1 / (1 + exp(-(intercept + sum over covariates of linear z + square z^2))), "
            "z = (value - mean) / sd, held within 4 of 0",
            "covariates": dict(OWN) | dict(BESIDE),
            "how_tested": self.how_tested,
            "note": self.note,
            "runs": [dict(run) for run in self.runs],
            "domains": {known: self.domains[known].as_record() for known in KNOWN},
            "models": {
                rule: {
                    known: _model_record(self.models[rule, known])
                    | {"tests": _test_records(self.tests[rule, known])}
                    for known in KNOWN
                }
                for rule in RULES
            },
        }


def read_calibration(path: str | Path) -> Calibration:
    """The calibration that `universality calibrate` wrote.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it is no calibration, or one of a newer version.
    """
    path = Path(path)
    fields = Fields(str(path), read_mapping(path))
    if fields.values.get("schema") != SCHEMA:
        raise FormatError(
            f"{path} is no calibration: its schema is {str(fields.values.get('schema'))[:60]!r}, "
            f"{SCHEMA!r} is read; `universality calibrate RUN RUN RUN --out FILE` writes one"
        )
    domains = Fields(f"{path}: domains", fields.mapping("domains"))
    rules = Fields(f"{path}: models", fields.mapping("models"))
    sections = {
        (rule, known): Fields(
            f"{path}: models: {rule}: {known}",
            Fields(f"{path}: models: {rule}", rules.mapping(rule)).mapping(known),
        )
        for rule in RULES
        for known in KNOWN
    }
    return Calibration(
        name=fields.text("name"),
        version=fields.count("version", least=1),
        threshold=fields.number("threshold"),
        models={key: _read_model(one, key[1]) for key, one in sections.items()},
        tests={
            key: {test.text("run"): _read_test(test) for test in one.sections("tests")}
            for key, one in sections.items()
        },
        how_tested=fields.text("how_tested"),
        domains={
            known: read_domain(Fields(f"{domains.where}: {known}", domains.mapping(known)))
            for known in KNOWN
        },
        runs=tuple(dict(run.values) for run in fields.sections("runs")),
        note=fields.text("note"),
    )


def shipped_calibration() -> Calibration:
    """The calibration that comes with the package, fitted to the shipped runs."""
    with resources.as_file(resources.files(__package__).joinpath(_SHIPPED)) as path:
        return read_calibration(path)


def _model_record(model: Logistic) -> dict[str, Any]:
    columns = zip(model.names, model.mean, model.sd, model.linear, model.square, strict=True)
    return {
        "intercept": _rounded(model.intercept),
        "n_trials": model.n_trials,
        "covariates": {
            name: dict(zip(_NUMBERS, map(_rounded, numbers), strict=True))
            for name, *numbers in columns
        },
    }


_NUMBERS = ("mean", "sd", "linear", "square")


def _rounded(value: int | float) -> float:
    """To nine digits: what can be read, and more than any chance needs."""
    return float(f"{value:.9g}")


def _read_model(fields: Fields, known: str) -> Logistic:
    names = tuple(OWN) if known == KNOWN[0] else (*OWN, *BESIDE)
    inner = Fields(f"{fields.where}: covariates", fields.mapping("covariates"))
    rows = {name: Fields(f"{inner.where}: {name}", inner.mapping(name)) for name in names}
    numbers = {
        number: np.array([rows[name].number(number) for name in names]) for number in _NUMBERS
    }
    if not (numbers["sd"] > 0).all():
        raise FormatError(f"{inner.where}: every sd must be above 0")
    return Logistic(
        names=names,
        intercept=fields.number("intercept"),
        n_trials=fields.count("n_trials"),
        **numbers,
    )


_SCORES = (
    "base_rate",
    "auc",
    "brier",
    "brier_constant",
    "calibration_error",
    "expected_error",
    "expected_error_sd",
)


def _test_records(tests: Mapping[str, Reliability]) -> list[dict[str, Any]]:
    return [{"run": run} | _test_record(one) for run, one in tests.items()]


def _test_record(test: Reliability) -> dict[str, Any]:
    scores = {name: getattr(test, name) for name in _SCORES}
    return (
        {"n": test.n}
        | {name: None if np.isnan(value) else _rounded(value) for name, value in scores.items()}
        | {
            "bins": [
                {k: _rounded(v) for k, v in row.items()} for row in test.bins.to_dict("records")
            ]
        }
    )


def _read_test(fields: Fields) -> Reliability:
    scores = {name: fields.optional_number(name) for name in _SCORES}
    bins = [
        {name: one.number(name) for name in ("predicted", "observed", "n")}
        for one in fields.sections("bins")
    ]
    return Reliability(
        n=fields.count("n", least=1),
        bins=pd.DataFrame(bins, columns=["predicted", "observed", "n"]),
        **{name: np.nan if value is None else value for name, value in scores.items()},
    )
