"""Results as they are kept: a summary and tables, written to a folder and read back from it.

Figures and reports read these and nothing else, so no picture can recompute a number.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
from jaxtyping import Float32

from universality.errors import FormatError, MissingFileError

COMPARISON_SCHEMA = "universality.comparison/1"
"""Written into every summary of a comparison; readers refuse any other."""

STABILITY_SCHEMA = "universality.stability/1"
"""Written into every summary of many runs."""

OPTIONAL_TABLES = (
    "held_out",
    "evidence",
    "histograms",
    "pair_activations",
    "logits",
    "pair_logits",
)
"""Tables that a comparison has only where activations, or an unembedding, were given."""


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

    def _repr_html_(self) -> str:
        return _sentences(self.summary["answer"]) + self.means.to_html(index=False)

    def save(self, folder: str | Path) -> None:
        """Write `summary.json` and the tables into a folder, which is made if it is missing."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(self.summary, folder / "summary.json")
        self.latents_a.to_parquet(folder / "latents_a.parquet", index=False)
        self.latents_b.to_parquet(folder / "latents_b.parquet", index=False)
        self.pairs.to_parquet(folder / "pairs.parquet", index=False)
        self.curves.to_csv(folder / "curves.csv", index=False)
        for name in OPTIONAL_TABLES:
            table = getattr(self, name)
            if table is not None:
                table.to_parquet(folder / f"{name}.parquet", index=False)
        for view, matrix in self.matrices.items():
            np.save(folder / f"similarity_{view}.npy", matrix)


@final
@dataclass(frozen=True, eq=False)
class Widths:
    """What became of the latents of narrow runs in wider ones."""

    narrow: pd.DataFrame
    """One row per latent of each narrow run: kept, split (its members) or absent."""
    wide: pd.DataFrame
    """One row per latent of each wide run: kept, refines, merges, novel or unexplained."""
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

    def _repr_html_(self) -> str:
        runs = [run if isinstance(run, str) else run["name"] for run in self.summary["runs"]]
        named = f"{len(runs)} runs: {', '.join(runs)}."
        families = pd.DataFrame(self.summary["families"]).T.rename_axis("by").reset_index()
        return _sentences([named]) + families.to_html(index=False) + self.pairs.to_html(index=False)

    def save(self, folder: str | Path) -> None:
        """Write `summary.json` and the tables into a folder, which is made if it is missing."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(self.summary, folder / "summary.json")
        self.latents.to_parquet(folder / "latents.parquet", index=False)
        self.families.to_parquet(folder / "families.parquet", index=False)
        self.pairs.to_csv(folder / "pairs.csv", index=False)
        self.spectrum.to_csv(folder / "spectrum.csv", index=False)
        self.triples.to_csv(folder / "triples.csv", index=False)
        if self.widths is not None:
            self.widths.narrow.to_parquet(folder / "narrow_latents.parquet", index=False)
            self.widths.wide.to_parquet(folder / "wide_latents.parquet", index=False)
            self.widths.flow.to_csv(folder / "flow.csv", index=False)
        if self.contexts is not None:
            self.contexts.to_parquet(folder / "contexts.parquet", index=False)


def stability_files(result: Stability) -> list[str]:
    """Names of the files that a result of many runs is saved as."""
    names = ["summary.json", "latents.parquet", "families.parquet"]
    names += ["pairs.csv", "spectrum.csv", "triples.csv"]
    if result.widths is not None:
        names += ["narrow_latents.parquet", "wide_latents.parquet", "flow.csv"]
    return names + ([] if result.contexts is None else ["contexts.parquet"])


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


def read_result(folder: str | Path) -> Comparison | Stability:
    """What was saved in a folder, be it of two runs or of many.

    Raises:
        MissingFileError, FormatError: as `read_comparison`.
    """
    folder = Path(folder)
    summary = _read_summary(folder / "summary.json", COMPARISON_SCHEMA, STABILITY_SCHEMA)
    if summary["schema"] == STABILITY_SCHEMA:
        return read_stability(folder)
    return read_comparison(folder)


def read_stability(folder: str | Path) -> Stability:
    """What was saved about many runs in a folder.

    Raises:
        MissingFileError: the folder, or one of its files, is not there.
        FormatError: a file cannot be read, or was written by a version with another schema.
    """
    folder = Path(folder)
    summary = _read_summary(folder / "summary.json", STABILITY_SCHEMA)
    contexts = folder / "contexts.parquet"
    return Stability(
        summary=summary,
        latents=_read_table(folder / "latents.parquet"),
        families=_read_table(folder / "families.parquet"),
        pairs=_read_table(folder / "pairs.csv"),
        spectrum=_read_table(folder / "spectrum.csv"),
        triples=_read_table(folder / "triples.csv"),
        widths=_read_widths(folder) if (folder / "flow.csv").exists() else None,
        contexts=_read_table(contexts) if contexts.exists() else None,
    )


def read_comparison(folder: str | Path) -> Comparison:
    """The comparison that was saved in a folder.

    Raises:
        MissingFileError: the folder, or one of its files, is not there.
        FormatError: a file cannot be read, or was written by a version with another schema.
    """
    folder = Path(folder)
    summary = _read_summary(folder / "summary.json", COMPARISON_SCHEMA)
    return Comparison(
        summary=summary,
        latents_a=_read_table(folder / "latents_a.parquet"),
        latents_b=_read_table(folder / "latents_b.parquet"),
        pairs=_read_table(folder / "pairs.parquet"),
        curves=_read_table(folder / "curves.csv"),
        **{
            name: _read_table(folder / f"{name}.parquet")
            for name in OPTIONAL_TABLES
            if (folder / f"{name}.parquet").is_file()
        },
        matrices={
            path.stem.removeprefix("similarity_"): np.load(path, mmap_mode="r")
            for path in sorted(folder.glob("similarity_*.npy"))
        },
    )


def write_json(content: Any, path: Path) -> None:
    """Write content as JSON."""
    path.write_text(as_json(content), encoding="utf-8")


def as_json(content: Any) -> str:
    """JSON that any reader accepts: indented, no NaN, ending in a newline."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _sentences(texts: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(text)}</p>" for text in texts)


def _read_widths(folder: Path) -> Widths:
    return Widths(
        narrow=_read_table(folder / "narrow_latents.parquet"),
        wide=_read_table(folder / "wide_latents.parquet"),
        flow=_read_table(folder / "flow.csv"),
    )


def _read_summary(path: Path, *expected: str) -> dict[str, Any]:
    if not path.is_file():
        raise MissingFileError(
            f"{path.parent} holds no result: {path.name} is missing; make one with "
            "`universality compare A B --out DIR` or `universality stability RUN... --out DIR`"
        )
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FormatError(f"{path} is not JSON: {error}") from error
    schema = summary.get("schema") if isinstance(summary, dict) else None
    if schema not in expected:
        raise FormatError(
            f"{path} has schema {schema!r}, this version reads "
            f"{' or '.join(map(repr, expected))}; "
            "remake the result or install the version that wrote it"
        )
    return dict(summary)


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise MissingFileError(f"the result in {path.parent} is incomplete: no {path.name}")
    try:
        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise FormatError(f"{path} cannot be read: {error}") from error
