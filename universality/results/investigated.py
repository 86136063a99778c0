"""What was found out about one latent: a summary and tables, kept in a folder and read from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd

from universality.results.result_files import sentences, three_lines
from universality.results.result_kind import ResultKind, read_kept, save_result
from universality.results.schemas import INVESTIGATION
from universality.validation import PATH, takes

_KIND = ResultKind(
    INVESTIGATION,
    {"histogram": "histogram.csv", "groups": "groups.csv", "contexts": "contexts.parquet"},
    {
        "proxies": "proxies.csv",
        "proxy_groups": "proxy_groups.csv",
        "ratios": "ratios.csv",
        "logits": "logits.parquet",
        "effects": "effects.parquet",
        "promoted": "promoted.csv",
        "controls": "controls.csv",
        "neurons": "neurons.csv",
        "similarities": "similarities.csv",
        "pair_tokens": "pair_tokens.parquet",
        "pair_effects": "pair_effects.parquet",
        "scores": "scores.csv",
    },
)


@final
@dataclass(frozen=True, eq=False)
class Investigation:
    """One latent and its counterparts in other runs; docs/results.md has every column and key."""

    summary: dict[str, Any]
    """The headline numbers, as in `summary.json`."""
    histogram: pd.DataFrame
    """How strongly each latent fires."""
    groups: pd.DataFrame
    """Its firings by interval and by quantile."""
    contexts: pd.DataFrame
    """Texts of each group, and what it misses."""
    proxies: pd.DataFrame | None = None
    """Precision, recall and correlation with each proxy; None without proxies, as the next two."""
    proxy_groups: pd.DataFrame | None = None
    """Precision and recall by group."""
    ratios: pd.DataFrame | None = None
    """The histogram by classes of the log-likelihood ratio."""
    logits: pd.DataFrame | None = None
    """Logit weights over the vocabulary; None without a model, as the next three."""
    effects: pd.DataFrame | None = None
    """What taking the latent away, and pinning it, does to the next tokens."""
    promoted: pd.DataFrame | None = None
    """Tokens that pinning raises and lowers most."""
    controls: pd.DataFrame | None = None
    """The same effect of random latents."""
    neurons: pd.DataFrame | None = None
    """The best neuron; None where single coordinates mean nothing."""
    similarities: pd.DataFrame | None = None
    """Each measure with each other run; None without other runs, as the next."""
    pair_tokens: pd.DataFrame | None = None
    """Codes of both on some tokens."""
    pair_effects: pd.DataFrame | None = None
    """Effects of both on the same next tokens; None without a model too."""
    scores: pd.DataFrame | None = None
    """Scores of explanations that others made, by firing frequency; None without any."""

    def __repr__(self) -> str:
        return three_lines(*self.summary["answer"][:3])

    def _repr_html_(self) -> str:
        return sentences(self.summary["answer"])

    def save(self, folder: str | Path) -> None:
        """Write the summary and the tables into a folder, which is made if it is missing.

        Raises:
            OutputError: files of these names are there, and no such result.
        """
        save_result(self, _KIND, folder)


@takes(folder=PATH)
def read_investigation(folder: str | Path) -> Investigation:
    """What was saved of an investigation in a folder.

    Raises:
        MissingFileError: the folder, or one of its files, is not there.
        FormatError: a file cannot be read, or was written by a newer version.
    """
    summary, tables = read_kept(folder, _KIND)
    return Investigation(summary, **tables)
