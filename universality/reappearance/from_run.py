"""The forecast for the latents of one run, as a user asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd

from universality.encoding.delphi import CodedRun
from universality.errors import UnsupportedError
from universality.reappearance.asking import LatentForecast, forecast_alone
from universality.reappearance.fitted_forecast import (
    Calibration,
    read_calibration,
    shipped_calibration,
)
from universality.runs.alive import Alive, find_alive
from universality.runs.opening import RUN, Run, open_run
from universality.validation import PATH, Is, either, takes


@final
@dataclass(frozen=True, eq=False)
class Reappearance:
    """The chance that one more run of the recipe has each latent of a run, or why there is none."""

    forecast: LatentForecast
    """Of the latents that take part."""
    alive: Alive
    """Which those are."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the run is none that the calibration speaks of; empty where it is."""
        return self.forecast.reasons

    @property
    def latents(self) -> pd.DataFrame:
        """One row per latent: `latent`, `alive`, `p_reappears_<rule>`, and what it depends on.

        NaN for latents that take no part, and chances only where there are no `reasons`.
        """
        mask = self.alive.mask.cpu().numpy()
        columns = {**self.forecast.columns, **(self.forecast.covariates or {})}
        table = pd.DataFrame({"latent": np.arange(mask.size), "alive": mask})
        for name, values in columns.items():
            column = np.full(mask.size, np.nan)
            column[mask] = values
            table[name] = column
        return table

    def as_record(self) -> dict[str, Any]:
        """What it is and how good, ready for JSON."""
        return self.forecast.as_record()

    def chances_by_latent(self) -> dict[str, list[float | None]]:
        """By column, the chance of every latent, ready for JSON; None for those without."""
        table = self.latents
        return {
            name: [None if np.isnan(p) else round(float(p), 6) for p in table[name]]
            for name in self.forecast.columns
        }


@takes(run=RUN, calibration=either(Is((Calibration,), "a Calibration"), PATH, None))
def reappearance_of(run: Run, calibration: Calibration | str | Path | None = None) -> Reappearance:
    """The chance that one more run of its recipe has each latent of a run.

    Calibrated on runs of one recipe: where the run is of another, there are no chances but
    `reasons`, and what they would depend on. Latents that never fired take no part.

    Args:
        run: A dictionary, or the address of one, with the firing counts it brought.
        calibration: What `calibrate` gave, or the file it was saved in; what is shipped if None.

    Raises:
        UnsupportedError: the run is known by its codes alone.
        MissingFileError, FormatError: as `load` and `read_calibration`.
    """
    opened = open_run(run)
    if isinstance(opened, CodedRun):
        raise UnsupportedError(
            f"{opened.dictionary.source.name} holds codes and no weights, which a forecast needs"
        )
    (alive,) = find_alive([opened])
    return Reappearance(forecast_alone(opened, alive.mask, calibration_from(calibration)), alive)


def calibration_from(given: Calibration | str | Path | None) -> Calibration:
    """The calibration given, read from a file, or shipped."""
    match given:
        case None:
            return shipped_calibration()
        case Calibration():
            return given
        case _:
            return read_calibration(given)
