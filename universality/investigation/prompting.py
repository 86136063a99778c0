"""A text read by several runs: which latents fire on each token, and their partners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, final, get_args

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Float64
from scipy import sparse
from torch import Tensor

from universality.activations.windows import bos_token
from universality.codes import Codes
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.investigation.causal_effects import (
    CleanRuns,
    HookedModel,
    ablate,
    check_writes,
    run_clean,
)
from universality.investigation.context_windows import ContextWindows
from universality.investigation.counterparts import best_of, other_codes
from universality.investigation.subjects import CodedOver

RankedBy: TypeAlias = Literal["activation", "quantile", "effect"]
"""What decides which latents of a token are shown."""

RANKINGS: tuple[str, ...] = get_args(RankedBy)
"""How `--by` spells them."""

_CANDIDATES = 10
"""Latents of a token, strongest first, whose effect is measured."""


@final
@dataclass(frozen=True, eq=False)
class PromptReading:
    """What runs do on a text."""

    tokens: tuple[str, ...]
    """The text, token by token; a beginning-of-sequence token first, where the tokenizer has it."""
    fired: pd.DataFrame
    """One row per token, run and rank: `position`, `string`, `run`, `rank`, `latent`, `code`,
    `quantile` (share of its firings in the cache that are no stronger), `effect` (log-probability
    of the next token, untouched less without it); NaN where not asked for or not known."""
    partners: pd.DataFrame
    """One row per latent that is shown and other run: `run`, `latent`, `other`, `partner`,
    `correlation` over the cache, `cofiring`, the share of its firings on which the partner fires
    too. Empty without a cache."""


def read_prompt(
    text: str,
    runs: Sequence[tuple[str, Dictionary]],
    at: HookedModel,
    *,
    coded: Sequence[CodedOver] = (),
    by: RankedBy = "activation",
    top: int = 5,
) -> PromptReading:
    """What the runs, each with its name, do on each token of a text.

    `coded` is the same runs on a cache, for quantiles and partners. The first position and massive
    states are left alone, as everywhere.

    Raises:
        InvalidInputError: the text has no two tokens or more than the model reads, a run reads
            another width, or `by` is `quantile` and there is no cache.
        UnsupportedError: a run writes elsewhere than it reads.
    """
    if by == "quantile" and not coded:
        raise InvalidInputError("--by quantile needs --activations: quantiles are of its tokens")
    windows = _window(text, at)
    clean = run_clean(at, windows)
    strings = _strings(at, windows)
    rows: list[dict[str, object]] = []
    for number, (name, run) in enumerate(runs):
        check_writes(run)
        _check_width(name, run, clean)
        codes = _codes(run, clean)
        over = coded[number] if coded else None
        table = _ranked(codes, over, at, clean, run, by=by, top=top)
        rows += [
            {"position": position, "string": strings[position], "run": name, **row}
            for position, row in table
        ]
    columns = ["position", "string", "run", "rank", "latent", "code", "quantile", "effect"]
    fired = pd.DataFrame(rows, columns=columns)
    fired = fired.sort_values(["position"], kind="stable", ignore_index=True)
    return PromptReading(strings, fired, _partners(fired, coded))


def _window(text: str, at: HookedModel) -> ContextWindows:
    tokenizer = at.model.tokenizer
    ids = tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    bos = bos_token(tokenizer)
    tokens = torch.tensor([[*([] if bos is None else [bos]), *ids]], dtype=torch.long)
    if len(ids) < 2:
        raise InvalidInputError(f"the text has {len(ids)} tokens; give one of two or more")
    longest = at.model.longest_context
    if longest is not None and tokens.shape[1] > longest:
        raise InvalidInputError(
            f"the text has {tokens.shape[1]:,} tokens, {at.model.name} reads at most {longest:,}"
        )
    return ContextWindows(
        tokens,
        torch.ones_like(tokens),
        np.full(tuple(tokens.shape), -1),
        np.zeros(1, dtype=bool),
    )


def _strings(at: HookedModel, windows: ContextWindows) -> tuple[str, ...]:
    return tuple(str(at.model.tokenizer.decode([one])) for one in windows.tokens[0].tolist())


def _check_width(name: str, run: Dictionary, clean: CleanRuns) -> None:
    width = clean.state.shape[-1]
    if run.d_in != width:
        raise InvalidInputError(
            f"{name} reads d_in={run.d_in}, the model's states at this hook are {width} wide; give "
            "runs of this model, or another --hook"
        )


def _codes(run: Dictionary, clean: CleanRuns) -> Float[Tensor, "n_positions d_sae"]:
    with torch.inference_mode():
        codes = run.encode(clean.state[0].float())
    return codes * clean.editable[0][:, None]


def _ranked(
    codes: Float[Tensor, "n_positions d_sae"],
    over: CodedOver | None,
    at: HookedModel,
    clean: CleanRuns,
    run: Dictionary,
    *,
    by: RankedBy,
    top: int,
) -> list[tuple[int, dict[str, object]]]:
    """For each position the latents of highest rank, with what is known of them."""
    effects: dict[int, np.ndarray] = {}
    found: list[tuple[int, dict[str, object]]] = []
    for position, row in enumerate(codes):
        fires = row.nonzero()[:, 0]
        order = row[fires].abs().argsort(descending=True, stable=True)
        strongest = fires[order].tolist()
        candidates = strongest if by == "quantile" else strongest[: max(top, _CANDIDATES)]
        listed = []
        for latent in candidates:
            if by == "effect" and latent not in effects:
                effects[latent] = ablate(at, clean, run, latent).total[0].double().numpy()
            code = float(row[latent])
            at_next = effects.get(latent, np.empty(0))
            listed.append(
                {
                    "latent": latent,
                    "code": code,
                    "quantile": _quantile(over, latent, code),
                    "effect": float(at_next[position]) if position < at_next.size else np.nan,
                }
            )
        keys = {"activation": "code", "quantile": "quantile", "effect": "effect"}
        listed.sort(key=lambda one: -abs(np.nan_to_num(float(one[keys[by]]))))
        found += [(position, {"rank": rank, **one}) for rank, one in enumerate(listed[:top])]
    return found


def _quantile(over: CodedOver | None, latent: int, code: float) -> float:
    if over is None:
        return float("nan")
    values = np.abs(over.trace(latent).values)
    return float((values <= abs(code)).mean()) if values.size else float("nan")


def _partners(fired: pd.DataFrame, coded: Sequence[CodedOver]) -> pd.DataFrame:
    columns = ["run", "latent", "other", "partner", "correlation", "cofiring"]
    rows = []
    for other in coded if len(coded) > 1 else ():
        theirs = other_codes(other.codes)
        for over in coded:
            if over.name == other.name:
                continue
            for latent in np.unique(fired.loc[fired["run"] == over.name, "latent"]).tolist():
                values = _dense(over.codes, latent)
                correlations = theirs.correlations(values)
                partner = best_of(correlations)
                if partner >= 0:
                    fires = values != 0
                    both = _dense(other.codes, partner)[fires] != 0
                    cofiring = float(both.mean()) if fires.any() else float("nan")
                    rows.append(
                        (over.name, latent, other.name, partner, correlations[partner], cofiring)
                    )
    return pd.DataFrame(rows, columns=columns)


def _dense(codes: Codes, latent: int) -> Float64[np.ndarray, " n_tokens"]:
    rows = [sparse.csr_array(chunk)[[latent]].toarray()[0] for chunk in codes.chunks]
    return np.concatenate(rows).astype(np.float64)
