"""A language model of two layers that can be worked out by hand, and runs that know its features.

Tokens are coordinates 0 to 11 of a residual stream of 16. Layer 0 writes 3 along `FEATURE` where
it reads the word x (0). Layer 1 writes half of that along `PROMOTES`, and a fifth of what stood
along `FEATURE` one token earlier along `LATER`. The head gives the word y (1) what stands along
`PROMOTES`, the word v (3) what stands along `LATER`, the word z (2) what stands along `DECOY`, and
every word a tenth of its own coordinate.
"""

from __future__ import annotations

import functools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from universality.activation_functions import ReLU
from universality.activations.cache import ActivationCache
from universality.activations.collection import collect_into
from universality.activations.documents import Document
from universality.dictionary import Dictionary, RunKey, Source
from universality.models.language_model import LanguageModel

N_WORDS = 12
WIDTH = 16
N_NEURONS = 6
FEATURE, PROMOTES, DECOY, LATER = 12, 13, 14, 15
X, Y, Z, V = 0, 1, 2, 3
HOOK = "blocks.0.hook_resid_post"
NEURONS = "blocks.0.mlp.hook_post"
REAL, FALSE = 0, 1
"""The latents of `made_run` that write the feature, and a direction that only z reads."""


class Config:
    """What transformers' configurations are asked for."""

    num_hidden_layers = 2
    max_position_embeddings = 512

    def get_text_config(self) -> Config:
        return self

    def to_dict(self) -> dict[str, Any]:
        return {"layers": 2}


class Neurons(nn.Module):
    """Six neurons, one for each of the first six words; that of x writes the feature."""

    def __init__(self) -> None:
        super().__init__()
        self.down_proj = nn.Linear(N_NEURONS, WIDTH, bias=False)
        with torch.no_grad():
            self.down_proj.weight.zero_()
            self.down_proj.weight[FEATURE, X] = 3

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.down_proj(hidden_states[..., :N_NEURONS].relu())
        return out


class First(nn.Module):
    """Writes the feature where it reads x; its output is a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = Neurons()

    def forward(self, hidden_states: torch.Tensor) -> tuple[torch.Tensor]:
        return (hidden_states + self.mlp(hidden_states),)


class Second(nn.Module):
    """Reads the feature, here and one token earlier; its output is a tensor."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        out = hidden_states.clone()
        out[..., PROMOTES] += 0.5 * hidden_states[..., FEATURE].relu()
        out[:, 1:, LATER] += 0.2 * hidden_states[:, :-1, FEATURE].relu()
        return out


class ToyModel(nn.Module):
    """The language model."""

    def __init__(self) -> None:
        super().__init__()
        self.config = Config()
        self.embedding = nn.Embedding(N_WORDS, WIDTH)
        self.layers = nn.ModuleList([First(), Second()])
        self.head = nn.Linear(WIDTH, N_WORDS, bias=False)
        with torch.no_grad():
            self.embedding.weight.copy_(torch.eye(N_WORDS, WIDTH))
            self.head.weight.copy_(0.1 * torch.eye(N_WORDS, WIDTH))
            for word, coordinate in ((Y, PROMOTES), (Z, DECOY), (V, LATER)):
                self.head.weight[word, coordinate] = 1

    def get_input_embeddings(self) -> nn.Module:
        return self.embedding

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def forward(self, input_ids: torch.Tensor, **_: Any) -> SimpleNamespace:
        state = self.embedding(input_ids)
        (state,) = self.layers[0](state)
        return SimpleNamespace(logits=self.head(self.layers[1](state)))


@functools.cache
def made_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {word: index for index, word in enumerate("xyzvabcdefgh")}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="h"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="h")


def made_language_model() -> LanguageModel:
    """The toy with its tokenizer of twelve words."""
    return LanguageModel(ToyModel().eval().requires_grad_(False), made_tokenizer(), "toy")


def made_texts(n: int = 12, length: int = 60) -> list[Document]:
    """Documents of random words, in which y follows x half of the time."""
    generator = torch.Generator().manual_seed(3)
    words = list("xyzvabcdefgh")
    documents = []
    for number in range(n):
        tokens = torch.randint(N_WORDS, (length,), generator=generator)
        follows = torch.rand(length, generator=generator) < 0.5
        after_x = torch.zeros(length, dtype=torch.bool)
        after_x[1:] = tokens[:-1] == X
        tokens[after_x & follows] = Y
        documents.append(Document(f"text {number}", " ".join(words[t] for t in tokens.tolist())))
    return documents


def made_cache(folder: Path, *, n: int = 12, hook: str = HOOK) -> ActivationCache:
    """The states after the first layer, or another hook."""
    return collect_into(made_language_model(), made_texts(n), {hook: folder}, context=60)[hook]


def made_run_on_neurons() -> Dictionary:
    """A run of three latents: the neuron of x, those of y and z together, and that of v doubled."""
    rows = torch.zeros(3, N_NEURONS, dtype=torch.float32)
    rows[0, X] = rows[1, Y] = rows[1, Z] = 1
    rows[2, V] = 2
    return Dictionary(
        W_dec=rows,
        W_enc=rows,
        activation_fn=ReLU(),
        key=RunKey(hook_name=NEURONS, d_sae=3),
        source=Source(spec="neurons-run", name="neurons-run"),
    )


def made_run(name: str, order: list[int] | None = None) -> Dictionary:
    """A run of twelve latents: the feature, a decoy that fires with it, and ten words.

    `order` says which of them each latent is.
    """
    reads = torch.zeros(N_WORDS, WIDTH, dtype=torch.float32)
    writes = torch.zeros(N_WORDS, WIDTH, dtype=torch.float32)
    reads[REAL, FEATURE] = writes[REAL, FEATURE] = 1
    reads[FALSE, FEATURE] = writes[FALSE, DECOY] = 1
    for word in range(2, N_WORDS):
        reads[word, word] = writes[word, word] = 1
    at = torch.tensor(list(range(N_WORDS)) if order is None else order)
    return Dictionary(
        W_dec=writes[at],
        W_enc=reads[at],
        activation_fn=ReLU(),
        key=RunKey(hook_name=HOOK, d_sae=N_WORDS),
        source=Source(spec=name, name=name),
    )
