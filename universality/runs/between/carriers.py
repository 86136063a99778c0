"""What few tokens do to the correlations of a comparison: columns of its pairs, and a summary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from universality.evidence.leverage import LEFT_OUT, leverage
from universality.results.grades import ROUNDING
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy
from universality.runs.views import ACTIVATIONS


def with_carriers(pairs: pd.DataFrame, matched: MatchedPair, policy: Policy) -> pd.DataFrame:
    """The table of pairs with two more columns, where correlations of activations are known.

    `carrying_tokens_activations`: the fewest tokens that carry half of the correlation;
    `similarity_without_activations`: the correlation without the three that contribute most.
    """
    recorded = [part.recorded for part in matched.runs.parts if part.recorded is not None]
    if policy.measure != "pearson" or not matched.runs.compares_firing:
        return pairs
    distinct = pairs[["a", "b"]].drop_duplicates()
    ends = distinct["a"].to_numpy(np.int64), distinct["b"].to_numpy(np.int64)
    absolute = policy.absolute or all(one.codes.is_signed for one in recorded)
    found = leverage(recorded[0].codes, recorded[1].codes, ends, absolute=absolute)
    columns = {
        "carrying_tokens_activations": found.carrying,
        "similarity_without_activations": found.without,
    }
    return pairs.merge(distinct.assign(**columns), on=["a", "b"], how="left", validate="m:1")


def carriers_summary(pairs: pd.DataFrame, threshold: float) -> dict[str, Any]:
    """What becomes, without three tokens each, of the pairs that activations assign.

    Of those at the threshold: how many fall below it, and on how few tokens half of the correlation
    stands. Nothing where that is unknown.
    """
    if "carrying_tokens_activations" not in pairs:
        return {}
    own = pairs[pairs["view"] == ACTIVATIONS]
    shared = own[own["similarity"] >= threshold - ROUNDING]
    left = shared["similarity_without_activations"].fillna(0.0) >= threshold - ROUNDING
    found = {
        "n_left_out": LEFT_OUT,
        "n_pairs": len(shared),
        "share": len(shared) / max(1, len(own)),
        "share_without": int(left.sum()) / max(1, len(own)),
        "lost": float(1 - left.mean()) if len(shared) else 0.0,
        "median_carrying_tokens": float(shared["carrying_tokens_activations"].median())
        if len(shared)
        else None,
    }
    return {"leverage": found}
