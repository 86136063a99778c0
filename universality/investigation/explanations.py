"""Explanations and scores that others made, read from files: no language model explains here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64

from universality.errors import FormatError, MissingFileError
from universality.intake.json_files import read_json

FREQUENCY_EDGES = (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Classes of firing frequency that scores are shown by."""

_OF_LATENT = re.compile(r".*latent(\d+)\.(?:txt|json)")


def read_explanations(path: Path) -> dict[int, str]:
    """The explanation of each latent that has one.

    `path` is a JSON file that maps latents to texts, or delphi's folder of results, whose
    `explanations` holds a file `..._latent<n>.txt` for each.

    Raises:
        MissingFileError: there is nothing at `path`, or no explanation in the folder.
        FormatError: a file is no JSON, or holds something else.
    """
    if path.is_dir():
        files = list(_files(path / "explanations" if (path / "explanations").is_dir() else path))
        if not files and not (path / "scores").is_dir():
            raise MissingFileError(f"{path}: no file ..._latent<n>.txt, so no explanations")
        return {latent: _text(read_json(file), file) for latent, file in files}
    content = read_json(path)
    if not isinstance(content, dict) or not all(str(key).isdecimal() for key in content):
        raise FormatError(f"{path}: must map numbers of latents to their explanations")
    return {int(key): _text(value, path) for key, value in content.items()}


def read_scores(path: Path) -> pd.DataFrame:
    """Delphi's scores, one row per scorer and latent; none where `path` has no folder `scores`.

    Columns: `scorer`, `latent`, `n_examples`, `n_failed` (examples without a prediction, which
    delphi drops before it counts them), `balanced_accuracy`, `f1`; NaN where a side is missing.

    Raises:
        FormatError: a file is no list of examples.
    """
    rows = []
    folder = path / "scores"
    for scorer in sorted(folder.iterdir()) if folder.is_dir() else ():
        for latent, file in _files(scorer):
            examples = read_json(file)
            if not isinstance(examples, list) or not all(isinstance(x, dict) for x in examples):
                raise FormatError(f"{file}: must be a list of scored examples")
            rows.append({"scorer": scorer.name, "latent": latent, **_score(examples)})
    columns = ["scorer", "latent", "n_examples", "n_failed", "balanced_accuracy", "f1"]
    return pd.DataFrame(rows, columns=columns)


def scores_by_frequency(
    scores: pd.DataFrame, frequency: Float64[np.ndarray, " d_sae"], latent: int
) -> pd.DataFrame:
    """Mean scores by class of firing frequency, with those of one latent beside its class.

    Rare latents are scored on few examples and are the ones unique to a run: scores of shared and
    of unique latents cannot be compared without this. Columns: `scorer`, `low`, `high`,
    `n_latents`, `n_failed`, `balanced_accuracy`, `f1`, `own_balanced_accuracy`, `own_f1`. Latents
    that the run does not have are left out.
    """
    known = scores[scores["latent"] < frequency.size]
    shares = frequency[known["latent"].to_numpy(dtype=int)]
    known = known.assign(place=np.searchsorted(FREQUENCY_EDGES[1:-1], shares, side="right"))
    rows = []
    for _, some in known.groupby(["scorer", "place"], sort=True):
        number = int(some["place"].iloc[0])
        own = some[some["latent"] == latent]
        rows.append(
            {
                "scorer": some["scorer"].iloc[0],
                "low": FREQUENCY_EDGES[number],
                "high": FREQUENCY_EDGES[number + 1],
                "n_latents": len(some),
                "n_failed": int(some["n_failed"].sum()),
                **{name: float(some[name].mean()) for name in ("balanced_accuracy", "f1")},
                **{
                    f"own_{name}": float(own[name].iloc[0]) if len(own) else np.nan
                    for name in ("balanced_accuracy", "f1")
                },
            }
        )
    return pd.DataFrame(rows)


def _files(folder: Path) -> Iterator[tuple[int, Path]]:
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if found := _OF_LATENT.fullmatch(file.name):
            yield int(found[1]), file


def _text(value: Any, path: Path) -> str:
    if not isinstance(value, str):
        raise FormatError(f"{path}: an explanation must be a text, found a {type(value).__name__}")
    return value


def _score(examples: list[dict[str, Any]]) -> dict[str, Any]:
    judged = [one for one in examples if one.get("prediction") is not None]
    active = np.array([bool(one.get("activating")) for one in judged], dtype=bool)
    said = np.array([float(one["prediction"]) >= 0.5 for one in judged], dtype=bool)
    hits, n_active, n_silent = int((active & said).sum()), int(active.sum()), int((~active).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        sides = np.divide([hits, int((~active & ~said).sum())], [n_active, n_silent])
        f1 = np.divide(2 * hits, n_active + int(said.sum()))
    return {
        "n_examples": len(examples),
        "n_failed": len(examples) - len(judged),
        "balanced_accuracy": float(sides.mean()),
        "f1": float(f1),
    }
