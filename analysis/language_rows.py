r"""Connectors of a language model over seeds: rows that are ORs and AND-NOTs, and agreement.

    python -m analysis.language_rows --source SOURCE-s0 --target TARGET-s0 \
        --source SOURCE-s1 --target TARGET-s1 --source SOURCE-s2 --target TARGET-s2 \
        --activations CACHE --target-activations TARGET-CACHE --work WORK \
        --out analysis/results/language_rows

At every penalty a connector is fitted for every seed, and for the first seed once more from another
start. Writes `connectors.csv` (how good each is on documents kept out, and its rows by label),
`across_seeds.csv` (the first seed against the others, with null and ceiling), `rows.json` (of each
of the two labels the rows that stand on most tokens, with counts and texts), `rows.html` (the same
as a page) and `summary.json`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import torch

import universality as un
from universality.activations.cache import ActivationCache, read_activations
from universality.activations.formats.detection import open_activations
from universality.activations.token_table import read_table
from universality.codes import from_batches
from universality.connectors.across_seeds import compare_connectors
from universality.connectors.connector import Connector
from universality.connectors.connector_file import read_connector
from universality.connectors.connector_fit import fit_connector
from universality.connectors.ends import ConnectorEnd, held_out_tokens, key_of, taken
from universality.connectors.judging import judge_connector
from universality.connectors.row_contexts import row_contexts
from universality.connectors.row_reading import RowReading, read_map_rows
from universality.report import rows_page
from universality.report.connector_rows import row_data
from universality.results.connected import ROW_LABELS
from universality.runs.common_tokens import common_rows
from universality.storage.json_output import write_json

_BATCH = 8_192


@final
@dataclass(frozen=True)
class Settings:
    """What decides the numbers, besides runs and caches."""

    n_tokens: int = 200_000
    """Tokens that both caches hold, from the first on."""
    held_out: float = 1 / 3
    """Share of them to judge by, as whole documents."""
    l1: tuple[float, ...] = (3e-2,)
    """Penalties."""
    steps: int = 500
    """Of each fit."""
    n_shown: int = 3
    """Rows of each label in `rows.json`."""


@final
@dataclass(frozen=True, eq=False)
class Seed:
    """What the dictionaries of one seed do at both ends."""

    fit: tuple[ConnectorEnd, ConnectorEnd]
    """Source and target, on tokens that are fitted."""
    held_out: tuple[ConnectorEnd, ConnectorEnd]
    """On tokens that are kept out."""


@final
@dataclass(frozen=True, eq=False)
class Read:
    """A connector with its rows, read on tokens kept out."""

    seed: int
    """Whose it is, counted from the first pair of runs."""
    connector: Connector
    """The map."""
    rows: list[RowReading]
    """What each of its rows does."""


def run(
    runs: Sequence[tuple[un.Dictionary, un.Dictionary]],
    caches: tuple[ActivationCache, ActivationCache],
    out: Path,
    work: Path,
    settings: Settings,
) -> None:
    """Fit, read and compare, and write the results into `out`."""
    work.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    seeds = [_seed(pair, caches, settings) for pair in runs]
    read, tables = [], []
    for l1 in settings.l1:
        own = [_read(number, seed, l1, work, settings) for number, seed in enumerate(seeds)]
        again = _kept(seeds[0], l1, work / f"refit-{l1:g}", settings, init="random", seed=1)
        tables.append(_across_seeds(runs, own, again).assign(l1=l1))
        read += own
    tables_by_name = {
        "connectors": pd.DataFrame([_quality(one, seeds[one.seed]) for one in read]),
        "across_seeds": pd.concat(tables, ignore_index=True),
    }
    for name, table in tables_by_name.items():
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.5f", lineterminator="\n")
    shown = [_described(*each, seeds, caches[0]) for each in _chosen(read, settings)]
    summary = _summary(runs, seeds, read, settings)
    write_json({"rows": [one.described for one in shown]}, out / "rows.json")
    write_json(summary, out / "summary.json")
    text = rows_page(
        [one.on_page for one in shown],
        title="ORs and AND-NOTs of a language model's connectors",
        answer=_answer(summary),
        counts=summary["rows"],
    )
    (out / "rows.html").write_text(text, encoding="utf-8")


def _seed(
    pair: tuple[un.Dictionary, un.Dictionary],
    caches: tuple[ActivationCache, ActivationCache],
    settings: Settings,
) -> Seed:
    ends = []
    for dictionary, cache, rows in zip(pair, caches, common_rows(caches), strict=True):
        chosen = rows[: settings.n_tokens]
        batches = [
            dictionary.encode(read_activations(cache, torch.from_numpy(some)))
            for some in np.array_split(chosen, max(1, len(chosen) // _BATCH))
        ]
        codes = from_batches(batches, dictionary.d_sae)
        ends.append(ConnectorEnd(codes, read_table(cache).take(chosen), key_of(dictionary), chosen))
    kept_out = held_out_tokens(ends[0], settings.held_out, seed=0)
    fit, held_out = ((taken(ends[0], at), taken(ends[1], at)) for at in (~kept_out, kept_out))
    return Seed(fit, held_out)


def _read(number: int, seed: Seed, l1: float, work: Path, settings: Settings) -> Read:
    connector = _kept(seed, l1, work / f"seed{number}-{l1:g}", settings)
    targets = np.flatnonzero(connector.connected_targets)
    return Read(number, connector, read_map_rows(connector, *seed.held_out, targets))


def _kept(ends: Seed, l1: float, stem: Path, settings: Settings, **options: Any) -> Connector:
    file = stem.with_name(f"{stem.name}.safetensors")
    if not file.is_file():
        fit_connector(*ends.fit, l1=l1, steps=settings.steps, **options).save(file)
    return read_connector(file)


def _across_seeds(
    runs: Sequence[tuple[un.Dictionary, un.Dictionary]], own: Sequence[Read], again: Connector
) -> pd.DataFrame:
    parts = []
    for other in own[1:]:
        sources, targets = (
            un.match(runs[0][end].W_dec, runs[other.seed][end].W_dec, progress=False)
            for end in (0, 1)
        )
        found = compare_connectors(
            own[0].connector, other.connector, sources=sources, targets=targets, refitted=again
        )
        parts.append(found.table.assign(seed=other.seed))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _quality(one: Read, seed: Seed) -> dict[str, float]:
    quality = judge_connector(one.connector, *seed.held_out)
    degrees = np.diff(one.connector.W.indptr)
    return {
        "seed": one.seed,
        "l1": one.connector.settings.l1,
        "n_weights": one.connector.n_weights,
        "weights_share": one.connector.n_weights / np.prod(one.connector.W.shape),
        "median_in_degree": float(np.median(degrees[one.connector.connected_targets])),
        "fvu_global": quality.global_fvu,
        "fvu_median": quality.median_fvu,
        "share_at_or_above_1": quality.unexplained_share,
        "dead_rows": quality.dead_rows,
    } | {label: sum(row.label == label for row in one.rows) for label in ROW_LABELS}


def _chosen(read: Sequence[Read], settings: Settings) -> list[tuple[Read, RowReading]]:
    """Of both labels the rows that stand on most tokens, no target of a seed twice."""
    chosen: list[tuple[Read, RowReading]] = []
    for label in ("or", "and_not"):
        found = [(one, row) for one in read for row in one.rows if row.label == label]
        found.sort(key=lambda each: (-each[1].evidence, each[1].fvu))
        best = {(one.seed, row.target): (one, row) for one, row in reversed(found)}
        kept = [each for each in found if best[each[0].seed, each[1].target][1] is each[1]]
        chosen += kept[: settings.n_shown]
    return chosen


@final
@dataclass(frozen=True, eq=False)
class Shown:
    """A row that is shown."""

    described: dict[str, Any]
    """For `rows.json`."""
    on_page: dict[str, Any]
    """For `rows.html`."""


def _described(one: Read, row: RowReading, seeds: Sequence[Seed], cache: ActivationCache) -> Shown:
    texts = row_contexts([row], *seeds[one.seed].held_out, cache)
    contexts: list[dict[str, Any]] = [] if texts is None else texts.to_dict("records")  # type: ignore[assignment]
    l1 = one.connector.settings.l1
    about = {"target": row.target, "label": row.label, "fvu": row.fvu, "evidence": row.evidence}
    inputs = [asdict(each) for each in row.inputs]
    described = {
        **{"seed": one.seed, "l1": l1},
        **about,
        "bias": float(one.connector.b[row.target]),
        "inputs": inputs,
        "contexts": [
            {name: each[name] for name in ("kind", "source", "rank", "code")} | _around(each)
            for each in contexts
        ],
    }
    of = f"Seed {one.seed}, l1 {l1:g}"
    return Shown(described, row_data(about, inputs, contexts, of=of))


def _answer(summary: dict[str, Any]) -> list[str]:
    """What was searched and found, by count."""
    counts, settings = summary["rows"], summary["settings"]
    penalties = ", ".join(f"{l1:g}" for l1 in settings["l1"])
    return [
        f"Of {sum(counts.values()):,} rows of connectors of {len(summary['runs'])} seeds at l1 "
        f"{penalties}: weighted OR {counts['or']:,}, AND-NOT {counts['and_not']:,}, copy "
        f"{counts['copy']:,}, mixed {counts['mixed']:,}, unread {counts['unread']:,}.",
        f"Fitted on {summary['n_fitted']:,} tokens, read on {summary['n_held_out']:,} of other "
        "documents.",
    ]


def _around(context: dict[str, Any], before: int = 12, after: int = 4) -> dict[str, str]:
    """The text up to the token on which the latent fires, that token, and what follows."""
    tokens, centre = context["tokens"], context["centre"]
    return {
        "before": "".join(tokens[max(0, centre - before) : centre]),
        "token": tokens[centre],
        "after": "".join(tokens[centre + 1 : centre + 1 + after]),
    }


def _summary(
    runs: Sequence[tuple[un.Dictionary, un.Dictionary]],
    seeds: Sequence[Seed],
    read: Sequence[Read],
    settings: Settings,
) -> dict[str, Any]:
    return {
        "settings": asdict(settings),
        "runs": [[asdict(key_of(one)) for one in pair] for pair in runs],
        "n_fitted": seeds[0].fit[0].codes.n_tokens,
        "n_held_out": seeds[0].held_out[0].codes.n_tokens,
        "rows": {
            label: sum(r.label == label for o in read for r in o.rows) for label in ROW_LABELS
        },
    }


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("--source", action="append", required=True, help="one for each seed")
    parser.add_argument("--target", action="append", required=True, help="one for each seed")
    for name in ("--activations", "--target-activations", "--work", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--l1", type=float, action="append", help="a penalty; may be repeated")
    given = parser.parse_args()
    settings = Settings(l1=tuple(given.l1)) if given.l1 else Settings()
    runs = [(un.load(a), un.load(b)) for a, b in zip(given.source, given.target, strict=True)]
    caches = open_activations(given.activations), open_activations(given.target_activations)
    run(runs, caches, given.out, given.work, settings)


if __name__ == "__main__":
    main()
