"""What torch was told elsewhere in the process must not change a number here."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import universality as un
from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.synthetic import draw_tokens, make_truth
from universality.training.settings import TrainingSettings
from universality.training.start import untrained

PACKAGE = Path(un.__file__).parent
FLOATING = {"empty", "eye", "full", "linspace", "ones", "rand", "randn", "zeros"}
QUICK = un.Policy(nulls=("geometry", "isotropic"), n_draws=2, min_firing=5)


@pytest.fixture(params=[torch.float64, torch.bfloat16], ids=str)
def default(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


def test_every_tensor_made_in_the_package_says_its_format() -> None:
    silent = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in {("torch", name) for name in FLOATING}
        and not any(keyword.arg == "dtype" for keyword in node.keywords)
    ]
    assert not silent, f"these take the process's default dtype: {silent}"


def test_matching_does_not_depend_on_it(default: torch.dtype) -> None:
    # More rows than fit into one block, so that candidates are screened and topped up.
    a, b = (unit_rows(1_100, 16, seed=seed) for seed in (0, 1))
    found, expected = both(default, lambda: un.match(a, b))
    assert (found.b == expected.b).all()
    assert found.total == expected.total
    assert found.certified
    assert un.verify(found, a, b)


@pytest.mark.parametrize("command", ["compare", "stability"])
def test_results_do_not_depend_on_it(default: torch.dtype, command: str, tmp_path: Path) -> None:
    rows = torch.randn(1_600, 16, generator=torch.Generator().manual_seed(7))
    cache = write_cache(tmp_path / "cache", rows, n_documents=20)
    runs = [make_run(unit_rows(60, 16, seed=s), name=f"r{s}", seed=s) for s in (0, 1)]

    def summary() -> dict[str, Any]:
        if command == "compare":
            return un.compare(*runs, QUICK, activations=cache).summary
        return un.stability(runs, un.Policy(n_draws=2, min_firing=5), activations=[cache]).summary

    found, expected = both(default, summary)
    assert json.dumps(found) == json.dumps(expected)


def test_worlds_and_starts_do_not_depend_on_it(default: torch.dtype) -> None:
    def drawn() -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        truth = make_truth(32, 8, generator=generator, hierarchy=0.3, correlation=0.4)
        tokens = draw_tokens(truth, 50, generator=generator)
        start = untrained(TrainingSettings(d_sae=32), 8)
        return [tokens.x, tokens.codes, start.W_dec, start.encode(tokens.x)]

    for found, expected in zip(*both(default, drawn), strict=True):
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)


def both(default: torch.dtype, make: Callable[[], Any]) -> tuple[Any, Any]:
    """What is made under that default, and under torch's own."""
    torch.set_default_dtype(default)
    try:
        found = make()
    finally:
        torch.set_default_dtype(torch.float32)
    return found, make()
