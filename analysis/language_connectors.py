r"""A language model whose MLP is replaced by a connector: cross-entropy in four columns.

    universality connect SOURCE TARGET --activations S --target-activations T --out CONNECTION
    python -m analysis.language_connectors --model SmolLM2-135M-Instruct.Q4_1.gguf \
        --text heldout.jsonl --source SOURCE --target TARGET --connection CONNECTION \
        --out analysis/results/language_connectors

SOURCE reads the residual stream before a layer, TARGET what the MLP of that layer writes. On texts
that were not fitted the MLP's output is left as it is (`original`), goes through its autoencoder
(`spliced`), is decoded from what the connector makes of SOURCE's codes (`connected`; `pruned`
without raw weights of at most .1), or is its mean over these texts (`ablated`). The mean
of each column, with the interval over windows, goes into `summary.json`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

import universality as un
from universality.activations.documents import read_documents
from universality.connectors.connector import Connector, pruned
from universality.models.hooks import record, resolve_hook
from universality.models.interventions import next_token_log_probabilities, run_edited
from universality.models.language_model import LanguageModel, load_language_model
from universality.results.connected import WEIGHTS_FILE
from universality.storage.json_output import write_json


@final
@dataclass(frozen=True)
class Settings:
    """What decides the numbers, besides model, texts and runs."""

    n_windows: int = 40
    """Windows, one from the beginning of each document that is long enough."""
    context: int = 128
    """Tokens of each."""
    pruned: float = 0.1
    """Raw weights of at most this are zeroed in `pruned`."""


def run(
    model: LanguageModel,
    tokens: Tensor,
    source: un.Dictionary,
    target: un.Dictionary,
    connector: Connector,
    settings: Settings,
) -> dict[str, Any]:
    """The cross-entropy of every column, by window."""
    places = {end: _hook(model, run) for end, run in (("source", source), ("target", target))}
    mask = torch.ones_like(tokens)
    states = record(model.module, list(places.values()), tokens, mask)
    before, after = (states[place.name].float() for place in places.values())
    mean = after[:, 1:].mean(dim=(0, 1))
    columns: dict[str, Tensor] = {
        "original": after,
        "spliced": _by_token(lambda x: target.decode(target.encode(x), x), after),
        "connected": _by_token(_decoded(source, connector, target), before),
        "pruned": _by_token(_decoded(source, pruned(connector, settings.pruned), target), before),
        "ablated": mean.expand_as(after),
    }
    losses = {}
    for name, state in columns.items():
        # The first position is an attention sink of a norm that no dictionary was trained on.
        edited = torch.cat([after[:, :1], state[:, 1:]], dim=1).to(model.dtype)
        passed = run_edited(
            model.module, places["target"], tokens, mask, edit=lambda _, new=edited: new
        )
        losses[name] = -next_token_log_probabilities(passed.logits.float(), tokens).mean(dim=1)
    return {name: _with_interval(loss.numpy()) for name, loss in losses.items()}


def windows(model: LanguageModel, texts: list[Path], settings: Settings) -> Tensor:
    """The first tokens of documents that are long enough."""
    found = []
    for document in read_documents(texts, field="text"):
        ids = model.tokenizer(document.text, add_special_tokens=False)["input_ids"]
        if len(ids) >= settings.context:
            found.append(ids[: settings.context])
        if len(found) == settings.n_windows:
            break
    return torch.tensor(found, dtype=torch.int64)


def _hook(model: LanguageModel, run: un.Dictionary) -> Any:
    return resolve_hook(model.module, str(run.key.hook_name))


def _by_token(change: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    with torch.no_grad():
        return change(states.flatten(0, 1)).reshape(*states.shape[:2], -1)


def _decoded(
    source: un.Dictionary, connector: Connector, target: un.Dictionary
) -> Callable[[Tensor], Tensor]:
    return lambda x: target.decode(torch.from_numpy(connector.predict(source.encode(x).numpy())))


def _with_interval(by_window: np.ndarray) -> dict[str, float]:
    spread = 1.96 * float(by_window.std(ddof=1)) / by_window.size**0.5
    mean = float(by_window.mean())
    return {"cross_entropy": mean, "low": mean - spread, "high": mean + spread}


def main() -> None:
    """Read the arguments, run, and write the summary."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--text", type=Path, action="append", required=True)
    for name in ("--source", "--target"):
        parser.add_argument(name, required=True)
    parser.add_argument("--connection", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    settings = Settings()
    model = load_language_model(given.model)
    source, target = un.load(given.source), un.load(given.target)
    connector = un.read_connector(given.connection / WEIGHTS_FILE)
    tokens = windows(model, given.text, settings)
    found = run(model, tokens, source, target, connector, settings)
    given.out.mkdir(parents=True, exist_ok=True)
    summary = {"settings": asdict(settings), "n_windows": len(tokens), "columns": found}
    write_json(summary, given.out / "summary.json")


if __name__ == "__main__":
    main()
