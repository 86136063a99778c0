"""The page of one latent: its five questions as panels, drawn without a script, texts escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from universality.results.investigated import Investigation

_LONGEST = 200
"""Characters of a token that the page shows."""
_TOPS = 12
"""Tokens at either end of the logit weights."""
_BARS = 60
_SIGNS = {"\n": "⏎", "\t": "⇥", "\xa0": " "}
_DOTS = 500


def investigation_html(result: Investigation) -> str:
    """The page of an investigation."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("universality.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "share": _share}
    style = "".join(
        (resources.files("universality.report") / "assets" / name).read_text(encoding="utf-8")
        for name in ("report.css", "investigation.css")
    )
    latents = [_latent(result, one) for one in _latents(result)]
    return environment.get_template("investigation.html").render(
        style=Markup(style),
        summary=result.summary,
        latents=latents,
        proxies=[] if result.proxies is None else result.proxies.to_dict("records"),
        controls=_controls(result),
        similarities=_records(result.similarities),
        scatters=_scatters(result),
        neurons=_records(result.neurons),
        scores=_records(result.scores),
    )


def _latents(result: Investigation) -> list[tuple[str, int]]:
    """Whose histograms there are, in order: the latent, its counterparts, neurons."""
    pairs = result.histogram[["run", "latent"]].drop_duplicates()
    return [(str(run), int(latent)) for run, latent in pairs.itertuples(index=False)]


def _latent(result: Investigation, key: tuple[str, int]) -> dict[str, Any]:
    bins = _of(result.histogram, key)
    return {
        "run": key[0],
        "latent": key[1],
        "bars": _histogram_bars(result, key, bins),
        "high": float(bins["high"].max()),
        "most": int(bins["count"].max()),
        "weights": _bars(bins["weight"]),
        "groups": _groups(result, key),
        "texts": _texts(result, key),
        "logits": _logits(result, key),
        "promoted": _promoted(result, key),
        "effects": _effects(result, key),
    }


def _histogram_bars(
    result: Investigation, key: tuple[str, int], bins: pd.DataFrame
) -> list[dict[str, Any]]:
    """Bars on a logarithmic scale; with a proxy, the part of each that is the first proxy's."""
    heights = _bars(np.log1p(bins["count"]))
    shares = [0.0] * len(heights)
    if result.ratios is not None:
        ratios = _of(result.ratios, key)
        first = ratios[ratios["proxy"] == ratios["proxy"].iloc[0]]
        above = first[first["ratio_low"] >= 0].groupby("bin")["count"].sum()
        total = first.groupby("bin")["count"].sum()
        shares = (above / total.clip(lower=1)).reindex(range(len(heights)), fill_value=0).tolist()
    return [
        bar | {"proxy": bar["height"] * share, "count": int(count), "density": float(density)}
        for bar, share, count, density in zip(
            heights, shares, bins["count"], bins["density"], strict=True
        )
    ]


def _bars(values: pd.Series) -> list[dict[str, Any]]:
    """Places and heights of bars, in percent of the picture."""
    most = float(values.max()) or 1.0
    width = 100 / max(len(values), 1)
    return [
        {"x": number * width, "width": 0.92 * width, "height": max(0.0, 100 * value / most)}
        for number, value in enumerate(values.tolist())
    ]


def _groups(result: Investigation, key: tuple[str, int]) -> dict[str, list[dict[str, Any]]]:
    """By rule, strongest first, with each proxy's precision and recall."""
    table = _of(result.groups, key)
    scores = None if result.proxy_groups is None else _of(result.proxy_groups, key)
    found: dict[str, list[dict[str, Any]]] = {}
    for rule, rows in table.groupby("rule", sort=False):
        listed = []
        for row in rows.sort_values("group", ascending=False).to_dict("records"):
            own = (
                []
                if scores is None
                else scores[(scores["rule"] == rule) & (scores["group"] == row["group"])].to_dict(
                    "records"
                )
            )
            listed.append({str(name): value for name, value in row.items()} | {"scores": own})
        found[str(rule)] = listed
    return found


def _texts(result: Investigation, key: tuple[str, int]) -> dict[str, list[dict[str, Any]]]:
    """By kind, each text as strings with their heat."""
    table = _of(result.contexts, key)
    strongest = float(np.abs(table["code"]).max()) if len(table) else 1.0
    found: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_dict("records"):
        tokens = [
            {
                "string": _seen(str(string)),
                "heat": _heat(float(code), strongest),
                "value": _number(float(code)),
                "centre": number == row["centre"],
            }
            for number, (string, code) in enumerate(zip(row["tokens"], row["codes"], strict=True))
        ]
        text = {name: row[name] for name in ("group", "proxy", "code", "document")}
        found.setdefault(str(row["kind"]), []).append(text | {"tokens": tokens})
    return found


def _logits(result: Investigation, key: tuple[str, int]) -> dict[str, Any] | None:
    if result.logits is None:
        return None
    own = _of(result.logits, key)
    own = own[own["n_occurrences"] > 0].sort_values("weight", ascending=False, kind="stable")
    if own.empty:
        return None
    counts, edges = np.histogram(own["weight"], bins=_BARS)
    ends = (own.head(_TOPS), own.tail(_TOPS).iloc[::-1])
    return {
        "bars": _bars(pd.Series(np.log1p(counts))),
        "low": float(edges[0]),
        "high": float(edges[-1]),
        "n": len(own),
        "tops": [
            [(_seen(str(string)), weight) for string, weight in _pairs_of(one)] for one in ends
        ],
    }


def _pairs_of(table: pd.DataFrame) -> list[tuple[str, float]]:
    return list(zip(table["string"].tolist(), table["weight"].tolist(), strict=True))


def _promoted(result: Investigation, key: tuple[str, int]) -> dict[str, Any] | None:
    if result.promoted is None or _of(result.promoted, key).empty:
        return None
    own = _of(result.promoted, key)
    raised, lowered = own[own["rank"] >= 0], own[own["rank"] < 0]
    return {
        "value": float(own["value"].iloc[0]),
        "ends": [
            [(_seen(str(row["string"])), row["rise"]) for row in one.to_dict("records")]
            for one in (raised, lowered)
        ],
    }


def _effects(result: Investigation, key: tuple[str, int]) -> list[dict[str, Any]]:
    """Each context as strings: how strongly the latent fires, and what it does to each token."""
    if result.effects is None:
        return []
    own = _of(result.effects, key)
    largest = float(own["total"].abs().max()) if len(own) else 1.0
    strongest = float(own["code"].abs().max()) if len(own) else 1.0
    listed = []
    for _, rows in own.groupby("context", sort=True):
        tokens = [
            {
                "string": _seen(str(row["string"])),
                "heat": _heat(float(row["code"]), strongest),
                "help": _heat(max(float(row["total"]), 0.0), largest),
                "hurt": _heat(max(-float(row["total"]), 0.0), largest),
                "value": f"fires {_number(row['code'])}, total {_number(row['total'])}, "
                f"direct {_number(row['direct'])}, pinned {_number(row['pinned'])}",
            }
            for row in rows.to_dict("records")
        ]
        first = rows.iloc[0]
        listed.append(
            {
                "document": first["document"],
                "held_out": bool(first["held_out"]),
                "tokens": tokens,
            }
        )
    return listed


def _controls(result: Investigation) -> dict[str, Any] | None:
    if result.controls is None:
        return None
    rows = result.controls.to_dict("records")
    most = max(
        (row["mean_size"] for row in rows if row["mean_size"] == row["mean_size"]), default=1
    )
    return {"rows": rows, "most": most or 1}


def _scatters(result: Investigation) -> list[dict[str, Any]]:
    """Clouds of each pair: codes, attribution and effects, in percent of the picture."""
    found = []
    kinds = (
        ("activation", result.pair_tokens, "code", "code_partner"),
        ("attribution", result.pair_tokens, "attribution", "attribution_partner"),
        ("ablation", result.pair_effects, "total", "total_partner"),
    )
    for name, table, x, y in kinds:
        if table is None or x not in table:
            continue
        for (run, latent), rows in table.groupby(["run", "latent"], sort=False):
            some = rows.iloc[np.linspace(0, len(rows) - 1, min(_DOTS, len(rows))).astype(int)]
            found.append(
                {
                    "name": name,
                    "partner": f"{run} {latent}",
                    "n": len(rows),
                    "x": _range(some[x]),
                    "y": _range(some[y]),
                    "dots": list(zip(_places(some[x]), _places(some[y], up=True), strict=True)),
                }
            )
    return found


def _range(values: pd.Series) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _places(values: pd.Series, *, up: bool = False) -> list[float]:
    low, high = _range(values)
    span = high - low or 1.0
    return [round(100 * ((high - v) if up else (v - low)) / span, 2) for v in values.tolist()]


def _of(table: pd.DataFrame, key: tuple[str, int]) -> pd.DataFrame:
    return table[(table["run"] == key[0]) & (table["latent"] == key[1])]


def _records(table: pd.DataFrame | None) -> Sequence[dict[Any, Any]]:
    return [] if table is None else table.to_dict("records")


def _seen(string: str) -> str:
    """A token as text; what cannot be seen is written as a sign or an escape, a space stays one."""
    return "".join(
        one if one.isprintable() else _SIGNS.get(one, one.encode("unicode_escape").decode())
        for one in string[:_LONGEST]
    )


def _heat(value: float, largest: float) -> float:
    """From 0 to 1; 0 where nothing is known."""
    if not math.isfinite(value) or not largest > 0:
        return 0.0
    return round(min(1.0, abs(value) / largest), 3)


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "unknown"
    return f"{value:.3g}"


def _share(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "unknown"
    return f"{100 * value:.3g} %"
