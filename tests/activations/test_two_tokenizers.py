"""One text cut into tokens in two ways: joined where both end, it gives the answer of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.made_caches import cut_cache
from tests.tiny_model import random_text, save_tiny_model
from universality.activations.alignment import align
from universality.activations.cache import ActivationCache, read_rows
from universality.activations.collection import collect_into
from universality.activations.documents import Document
from universality.activations.token_stream import token_stream
from universality.activations.windows import cut_windows
from universality.errors import FormatError, InvalidInputError
from universality.models.language_model import load_language_model

N_DOCUMENTS, N_CHARACTERS, D = 4, 60, 5
HOOK = "blocks.0.hook_resid_post"
MULTIBYTE = "naïve 猫猫 a\N{GRINNING FACE}b\N{COMBINING ACUTE ACCENT} Ω\n\n end"


def every_byte(*, bos: bool = False) -> PreTrainedTokenizerFast:
    """A token for each byte."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_ = Tokenizer(models.BPE({one: i for i, one in enumerate(letters)}, []))
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_.decoder = decoders.ByteLevel()
    special = {"bos_token": AddedToken("<s>", special=True)} if bos else {}
    return PreTrainedTokenizerFast(tokenizer_object=bytes_, **special)


def byte_fallback() -> PreTrainedTokenizerFast:
    """A token for each letter of ASCII, and for each byte of every other character."""
    words = ["<unk>", *(f"<0x{i:02X}>" for i in range(256)), *(chr(i) for i in range(32, 127))]
    model = models.BPE(
        {word: i for i, word in enumerate(words)}, [], unk_token="<unk>", byte_fallback=True
    )
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), unk_token="<unk>")


def whole_characters(text: str) -> list[int]:
    """For each byte, how many characters are read behind it; -1 inside of one."""
    found = []
    for n in range(1, len(text.encode()) + 1):
        try:
            found.append(len(text.encode()[:n].decode()))
        except UnicodeDecodeError:
            found.append(-1)
    return found


@pytest.mark.parametrize("tokenizer", [every_byte(), byte_fallback()], ids=["level", "fallback"])
@pytest.mark.parametrize("context", [7, 100])
def test_a_token_ends_where_all_bytes_of_a_character_are_read(tokenizer, context) -> None:
    windows = cut_windows([Document("one", MULTIBYTE)], tokenizer, context=context, bos=None)
    ends = np.concatenate([window.ends for window in windows]).tolist()
    assert ends == whole_characters(MULTIBYTE)[: len(ends)]
    assert len(MULTIBYTE.encode()) - len(ends) in (0, 1)


def planted() -> torch.Tensor:
    return torch.randn(N_DOCUMENTS, N_CHARACTERS, D, generator=torch.Generator().manual_seed(0))


FINE = np.arange(1, N_CHARACTERS + 1)


def test_a_coarser_and_a_finer_cut_give_the_rows_of_the_coarser_alone(tmp_path: Path) -> None:
    coarse_ends = np.sort(np.random.default_rng(0).permutation(FINE)[:20])
    fine, coarse = (
        cut_cache(tmp_path / "fine", planted(), FINE),
        cut_cache(tmp_path / "coarse", planted(), coarse_ends),
    )
    of_fine, of_coarse = align(fine, coarse)
    np.testing.assert_array_equal(of_coarse, np.arange(len(coarse)))
    joined, alone = read_rows(fine, torch.from_numpy(of_fine)), read_rows(coarse, torch.arange(80))
    assert torch.equal(joined.activations, alone.activations)
    np.testing.assert_array_equal(np.stack(align(coarse, fine)), np.stack([of_coarse, of_fine]))


def test_two_cuts_that_cross_meet_where_both_end(tmp_path: Path) -> None:
    caches = [
        cut_cache(tmp_path / str(step), planted(), np.arange(step, N_CHARACTERS + 1, step))
        for step in (2, 3)
    ]
    rows = align(*caches)
    assert len(rows[0]) == N_DOCUMENTS * (N_CHARACTERS // 6)
    of_two, of_three = (
        read_rows(cache, torch.from_numpy(own)) for cache, own in zip(caches, rows, strict=True)
    )
    assert torch.equal(of_two.activations, of_three.activations)


def test_what_cannot_be_joined_is_refused_with_what_to_do(tmp_path: Path) -> None:
    odd = cut_cache(tmp_path / "odd", planted(), FINE[::2])
    even = cut_cache(tmp_path / "even", planted(), FINE[1::2][:-1])
    with pytest.raises(InvalidInputError, match="no row of the one ends at the character"):
        align(odd, even)
    other = replace(even, meta=replace(even.meta, text_sha256="1" * 64))
    with pytest.raises(InvalidInputError, match="different texts; collect both"):
        align(odd, other)
    kept = load_file(even.path / "tokens.safetensors")
    del kept["ends"]
    old = cut_cache(tmp_path / "old", planted(), FINE[1::2][:-1])
    save_file(kept, old.path / "tokens.safetensors")
    for pair in ((odd, old), (old, odd)):
        with pytest.raises(InvalidInputError, match=r"old does not record .* collect it again"):
            align(*pair)


def test_ends_that_do_not_ascend_are_damage(tmp_path: Path) -> None:
    made = cut_cache(tmp_path / "made", planted(), FINE)
    kept = load_file(made.path / "tokens.safetensors")
    kept["ends"][3] = kept["ends"][2]
    save_file(kept, made.path / "tokens.safetensors")
    with pytest.raises(FormatError, match="do not end one after the other"):
        token_stream(made)


def test_two_models_read_the_same_text_up_to_each_common_row(tmp_path: Path) -> None:
    documents = [Document(f"t{i}", random_text(9 + 8 * i, seed=i)) for i in range(4)]
    documents.append(Document("odd", f"the cat {MULTIBYTE} cat sat on"))
    words = load_language_model(save_tiny_model(tmp_path / "words"))
    bytes_ = load_language_model(_byte_model(tmp_path / "bytes"))
    coarse = collect_into(words, documents, {HOOK: tmp_path / "w"}, context=8)[HOOK]
    fine = collect_into(bytes_, documents, {HOOK: tmp_path / "b"}, context=16, prepend_bos=True)[
        HOOK
    ]
    assert fine.meta.bos is not None
    rows = align(coarse, fine)
    met = [_read_up_to(cache, own) for cache, own in zip((coarse, fine), rows, strict=True)]
    assert met[0] == met[1]
    expected = {
        (i, len(" ".join(document.text.split()[: n + 1])))
        for i, document in enumerate(documents[:4])
        for n in range(len(document.text.split()))
        if n % 8
    }
    assert expected == {one for one in met[0] if one[0] < 4}
    assert {one for one in met[0] if one[0] == 4}


def _read_up_to(cache: ActivationCache, rows: np.ndarray) -> list[tuple[int, int]]:
    """Document, and how much of its text lies before the end of each row's token."""
    stream = token_stream(cache)
    places = stream.place_of[torch.from_numpy(rows)]
    return list(zip(stream.documents[rows].tolist(), stream.ends[places].tolist(), strict=True))


def _byte_model(folder: Path) -> Path:
    tokenizer = every_byte(bos=True)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
