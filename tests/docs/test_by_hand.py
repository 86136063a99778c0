"""The pencil's numbers are PyTorch's: every block of the page runs, as it stands."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "by_hand.md"


def test_every_block_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 10
    exec(compile("\n".join(blocks), "docs/by_hand.md", "exec"), {"__name__": "by_hand"})


def test_the_loss_is_that_of_the_toy_autoencoder() -> None:
    """The page and `universality toy` mean the same by a coefficient."""
    import torch

    from universality.toy.rules import ToyReLU

    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    page: dict[str, torch.Tensor] = {}
    exec("\n".join(blocks), page)
    parameters = {name: page[name][None] for name in ("W_enc", "W_dec", "b_enc", "b_dec")}
    found = ToyReLU(coefficient=0.2).loss(parameters, page["X"][None])
    torch.testing.assert_close(found.loss, page["loss"][None])
