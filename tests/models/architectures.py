"""Four tiny models of random weights, in float64, of the four shapes that blocks and norms take."""

from __future__ import annotations

import torch

ARCHITECTURES = ("gpt2", "llama", "gpt_neox", "gemma2")
VOCABULARY = 40
WIDTH = 16
N_LAYERS = 3


def made_model(kind: str, *, seed: int = 0) -> torch.nn.Module:
    """A model with random weights, norms and biases: none of them stands where it starts."""
    import transformers

    common = {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": 2,
    }
    wide = common | {"intermediate_size": 32}
    config = {
        "gpt2": lambda: transformers.GPT2Config(**common),
        "llama": lambda: transformers.LlamaConfig(**wide, num_key_value_heads=1),
        "gpt_neox": lambda: transformers.GPTNeoXConfig(**wide),
        "gemma2": lambda: transformers.Gemma2Config(
            **wide, num_key_value_heads=1, head_dim=8, final_logit_softcapping=2.0
        ),
    }[kind]()
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    model = model.eval().double().requires_grad_(False)
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def some_tokens(n: int = 3, length: int = 9) -> torch.Tensor:
    """Rows of random tokens."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(VOCABULARY, (n, length), generator=generator)
