"""A random language model of two layers and its tokenizer, small enough to make in each test."""

from __future__ import annotations

from pathlib import Path

import torch

_SENTENCE = "the cat sat on a mat and looked at red green blue birds over under near it ."
WORDS = _SENTENCE.split()
D_IN = 16


def save_tiny_model(folder: Path, *, seed: int = 0) -> Path:
    """Write a two-layer Llama with random weights and a word tokenizer in Hugging Face layout."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(["<unk>", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>").save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=D_IN,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def random_text(n_words: int, *, seed: int) -> str:
    """Words of the tokenizer's vocabulary in random order."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(WORDS), (n_words,), generator=generator)
    return " ".join(WORDS[index] for index in chosen.tolist())
