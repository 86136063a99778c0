"""What was found among many runs, as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

import pandas as pd

from universality.results.citation import cite_stability
from universality.results.result_files import (
    read_tables,
    sentences,
    three_lines,
    write_tables,
)
from universality.results.result_kind import ResultKind, files_of, read_kept, save_result
from universality.results.schemas import STABILITY, absent_columns, with_new_keys, with_new_names
from universality.validation import PATH, takes

STABILITY_SCHEMA = STABILITY.written
"""Written into every summary of many runs."""

_WIDTH_FILES: Mapping[str, str] = MappingProxyType(
    {"narrow": "narrow_latents.parquet", "wide": "wide_latents.parquet", "flow": "flow.csv"}
)
_KIND = ResultKind(
    STABILITY,
    {
        "latents": "latents.parquet",
        "families": "families.parquet",
        "pairs": "pairs.csv",
        "spectrum": "spectrum.csv",
        "triples": "triples.csv",
    },
    {
        "contexts": "contexts.parquet",
        "reappearance": "reappearance.csv",
        "left_out": "left_out.csv",
        "census": "census.csv",
    },
    tuple(_WIDTH_FILES.values()),
)


@final
@dataclass(frozen=True, eq=False)
class Widths:
    """What became of the latents of narrow runs in wider ones."""

    narrow: pd.DataFrame
    """One row per latent of each narrow run: same, split (its members) or none."""
    wide: pd.DataFrame
    """One row per latent of each wide run: same, refined, merged, novel or none."""
    flow: pd.DataFrame
    """One row per link of a Sankey diagram: narrow, wide, source, target, n_latents."""


@final
@dataclass(frozen=True, eq=False)
class Stability:
    """What was found among many runs."""

    summary: dict[str, Any]
    """The headline numbers, as in `summary.json`."""
    latents: pd.DataFrame
    """One row per run and latent: its family and in how many runs it was found, by view."""
    families: pd.DataFrame
    """One row per family and view: the runs it lives in, how alike its members are."""
    pairs: pd.DataFrame
    """One row per pair of runs and view."""
    spectrum: pd.DataFrame
    """One row per base run, view, threshold and k: the fraction found in exactly k runs."""
    triples: pd.DataFrame
    """One row per triple of runs and view: how often two steps lead where one leads."""
    widths: Widths | None = None
    """The ladder of widths; None when all runs are equally wide."""
    contexts: pd.DataFrame | None = None
    """The texts on which members of families fire, a few for each; None without activations."""
    reappearance: pd.DataFrame | None = None
    """One row per view, threshold and k: the chance that one more run has what k runs have; None
    where the runs tell none, which the summary gives a reason for."""
    left_out: pd.DataFrame | None = None
    """One row per view, threshold, run left out and k: what the others predicted, and what it has;
    empty below four runs, None where there are no chances."""
    census: pd.DataFrame | None = None
    """One row per view, threshold and number of runs: the features that so many runs hold, and the
    share of one further run's latents; None where no run is matched with every other."""

    @property
    def absent(self) -> tuple[str, ...]:
        """`table.column` for all that the version which saved the result did not know yet."""
        return absent_columns(self.summary)

    def citation(self) -> str:
        """A paragraph on what was done, for a paper, and the papers behind it."""
        return cite_stability(self.summary)

    def __repr__(self) -> str:
        summary, rule = self.summary, self.summary["headline_rule"]
        names = [run if isinstance(run, str) else run["name"] for run in summary["runs"]]
        families = summary["families"][rule]
        means = [
            f"{view} {found['mean']['mean']:.3f}"
            + (f" (null {found['mean']['null']:.3f})" if "null" in found["mean"] else "")
            for view, found in summary.get("over_pairs", {}).items()
            if "mean" in found
        ]
        return three_lines(
            f"{len(names)} runs: {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}",
            f"{families['n']:,} strict families by {rule.replace('_', ' ')}; "
            f"{families['in_all_runs_fraction']:.1%} of a run's latents are in one of all runs",
            f"mean similarity over pairs of runs: {', '.join(means) or 'not known'}",
        )

    def _repr_html_(self) -> str:
        runs = [run if isinstance(run, str) else run["name"] for run in self.summary["runs"]]
        named = f"{len(runs)} runs: {', '.join(runs)}."
        families = pd.DataFrame(self.summary["families"]).T.rename_axis("by").reset_index()
        return sentences([named]) + families.to_html(index=False) + self.pairs.to_html(index=False)

    def save(self, folder: str | Path) -> None:
        """Write `summary.json` and the tables into a folder, which is made if it is missing."""
        save_result(self, _KIND, folder, others=self._save_widths)

    def _save_widths(self, folder: Path) -> None:
        if self.widths is not None:
            write_tables(self.widths, _WIDTH_FILES, folder)


def stability_files(result: Stability) -> list[str]:
    """Names of the files that a result of many runs is saved as."""
    return files_of(result, _KIND) + ([] if result.widths is None else [*_WIDTH_FILES.values()])


@takes(folder=PATH)
def read_stability(folder: str | Path) -> Stability:
    """What was saved about many runs in a folder.

    Raises:
        MissingFileError: the folder, or one of its files, is not there.
        FormatError: a file cannot be read, or was written by a newer version.
    """
    folder = Path(folder)
    kept, tables = read_kept(folder, _KIND)
    summary = with_new_keys(kept)
    widths = read_tables(folder, _WIDTH_FILES, optional=not (folder / "flow.csv").exists())
    return Stability(
        summary=summary,
        **with_new_names(tables, summary),
        widths=Widths(**with_new_names(widths, summary)) if widths else None,
    )
