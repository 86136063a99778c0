"""What was found between two runs, as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
from jaxtyping import Float32

from universality.errors import FormatError
from universality.intake.array_files import read_npy
from universality.results.citation import cite_comparison
from universality.results.result_files import sentences, three_lines
from universality.results.result_kind import ResultKind, read_kept, save_result
from universality.results.schemas import COMPARISON, absent_columns, with_new_counts, with_new_names
from universality.results.validity import answer_of
from universality.storage.staged_files import staged_file
from universality.validation import PATH, takes

COMPARISON_SCHEMA = COMPARISON.written
"""Written into every summary of a comparison."""

OPTIONAL_TABLES = (
    "held_out",
    "evidence",
    "histograms",
    "pair_activations",
    "logits",
    "pair_logits",
    "effects",
    "geometry",
    "partial",
    "transport",
)
"""Tables that a comparison has only where activations, an unembedding or a model were given, or
they were asked for."""

_MATRICES = {view: f"similarity_{view}.npy" for view in ("decoder", "encoder", "activations")}

_KIND = ResultKind(
    COMPARISON,
    {
        "latents_a": "latents_a.parquet",
        "latents_b": "latents_b.parquet",
        "pairs": "pairs.parquet",
        "curves": "curves.csv",
    },
    {name: f"{name}.parquet" for name in OPTIONAL_TABLES},
    tuple(_MATRICES.values()),
)


@final
@dataclass(frozen=True, eq=False)
class Comparison:
    """What was found between two runs."""

    summary: dict[str, Any]
    """The headline numbers, as in `summary.json`."""
    latents_a: pd.DataFrame
    """One row per latent of a."""
    latents_b: pd.DataFrame
    """One row per latent of b."""
    pairs: pd.DataFrame
    """One row per assigned pair and view."""
    curves: pd.DataFrame
    """One row per view, rule and threshold."""
    held_out: pd.DataFrame | None = None
    """One row per fold and pair of activations, judged on documents that did not make the pair;
    None where there are no activations."""
    evidence: pd.DataFrame | None = None
    """The contexts on which the latents of assigned pairs fire; None where there are none."""
    histograms: pd.DataFrame | None = None
    """One row per side and latent that fires: how strongly, in bins."""
    pair_activations: pd.DataFrame | None = None
    """One row per pair: both codes on some of the tokens on which either fires."""
    logits: pd.DataFrame | None = None
    """One row per side and latent: the tokens whose logits it raises and lowers most; None without
    an unembedding."""
    pair_logits: pd.DataFrame | None = None
    """One row per pair: both latents' logit weights over part of the vocabulary."""
    effects: pd.DataFrame | None = None
    """One row per sampled pair: whether both latents do the same to the next tokens of a model;
    None without one."""
    geometry: pd.DataFrame | None = None
    """One row per view, statistic and draw: how alike latents that fire together are arranged; None
    where that was not asked for."""
    partial: pd.DataFrame | None = None
    """One row per view and price: the best partial assignment, beside its null; None where it was
    not asked for."""
    transport: pd.DataFrame | None = None
    """One row per view, run and latent: how many partners it has; None where it was not asked
    for."""
    matrices: Mapping[str, Float32[np.ndarray, "d_sae_a d_sae_b"]] = field(default_factory=dict)
    """The similarity of every pair of latents, by view, where it was asked for (`--matrix`)."""

    @property
    def means(self) -> pd.DataFrame:
        """Mean similarity by view and matching rule, beside the null that belongs to the view."""
        return pd.DataFrame(
            [
                {
                    "view": view,
                    "rule": rule,
                    "observed": one["mean"],
                    "null_mean": one["null_mean"],
                    "null_sd": one["null_sd"],
                    "null": null_name(self.summary, view),
                }
                for view, found in self.summary["views"].items()
                for rule, one in (
                    ("greedy, a to b", found["greedy"]["a_to_b"]),
                    ("greedy, b to a", found["greedy"]["b_to_a"]),
                    ("one to one", found["assignment"]),
                )
            ]
        )

    @property
    def absent(self) -> tuple[str, ...]:
        """`table.column` for all that the version which saved the result did not know yet."""
        return absent_columns(self.summary)

    def citation(self) -> str:
        """A paragraph on what was done, for a paper, and the papers behind it."""
        return cite_comparison(self.summary)

    def __repr__(self) -> str:
        runs = (self.summary[side] for side in ("a", "b"))
        return three_lines(
            " and ".join(f"{run['name']} ({run['d_sae']:,} latents)" for run in runs),
            next(iter(answer_of(self.summary)), ""),
            "mean similarity one to one: "
            + ", ".join(
                f"{view} {found['assignment']['mean']:.3f} "
                f"(null {found['assignment']['null_mean']:.3f})"
                for view, found in self.summary["views"].items()
            ),
        )

    def _repr_html_(self) -> str:
        return sentences(answer_of(self.summary)) + self.means.to_html(index=False)

    def save(self, folder: str | Path) -> None:
        """Write `summary.json` and the tables into a folder, which is made if it is missing."""
        save_result(self, _KIND, folder, others=self._save_matrices)

    def _save_matrices(self, folder: Path) -> None:
        for view, matrix in self.matrices.items():
            with staged_file(folder / _MATRICES[view]) as staged, staged.open("wb") as file:
                np.save(file, matrix)


@takes(folder=PATH)
def read_comparison(folder: str | Path) -> Comparison:
    """The comparison that was saved in a folder.

    Raises:
        MissingFileError: the folder, or one of its files, is not there.
        FormatError: a file cannot be read, or was written by a newer version.
    """
    folder = Path(folder)
    summary, read = read_kept(folder, _KIND)
    tables = with_new_names(read, summary)
    return Comparison(
        summary=with_new_counts(summary, tables),
        **tables,
        matrices={
            path.stem.removeprefix("similarity_"): _read_matrix(path)
            for path in sorted(folder.glob("similarity_*.npy"))
        },
    )


def _read_matrix(path: Path) -> np.ndarray:
    matrix = read_npy(path)
    if matrix.ndim != 2 or matrix.dtype != np.float32:
        raise FormatError(
            f"{path} must hold a float32 matrix, found {matrix.dtype} of shape {matrix.shape}"
        )
    return matrix


def null_name(summary: Mapping[str, Any], view: str) -> str:
    """The null that stands behind a view's numbers in the summary of a comparison."""
    of_view = summary["views"].get(view, {}).get("nulls") or {summary["policy"]["null"]: {}}
    return str(next(iter(of_view)))


def null_names(summary: Mapping[str, Any]) -> str:
    """The nulls of a comparison in a few words: the first view's, then views with another."""
    views = list(summary["views"])
    first = null_name(summary, views[0])
    names = {view: null_name(summary, view) for view in views}
    others = [f"{view}: {name}" for view, name in names.items() if name != first]
    return "; ".join([first, *others])
