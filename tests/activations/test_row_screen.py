"""One rule for the rows of every cache: attention sinks are left out and counted, or all is kept.

Public reports of what they do: jbloomAus/SAEDashboard#46, decoderesearch/SAELens#472, #333, #612.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file

import universality as un
from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.activations.cache import ActivationCache, read_rows
from universality.activations.contexts import context
from universality.activations.formats.detection import open_activations
from universality.activations.row_screen import high_norm
from universality.activations.token_table import read_table
from universality.codes import heavy_share
from universality.comparison import Policy
from universality.dictionary import Dictionary
from universality.encoding.streaming import encode
from universality.errors import InvalidInputError

N, CONTEXT, D = 24, 40, 8
HOOK = "blocks.2.hook_resid_post"


def _sequences(*, seed: int = 0, sinks: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Activations, tokens, and which rows are sinks: token 1, fifty times as long as the others."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(N, CONTEXT, D, generator=generator)
    tokens = torch.randint(5, 90, (N, CONTEXT), generator=generator, dtype=torch.int32)
    sink = torch.randn(D, generator=generator)
    at = torch.zeros(N, CONTEXT, dtype=torch.bool)
    for sequence in range(N):
        at[sequence, 2 + torch.randperm(CONTEXT - 2, generator=generator)[:sinks]] = True
    rows[at] = 50 * D**0.5 * sink / sink.norm()
    tokens[at] = 1
    return rows, tokens, at


def _arrow(folder: Path, rows: torch.Tensor, tokens: torch.Tensor) -> Path:
    folder.mkdir()
    nested = pa.list_(pa.list_(pa.float32()))
    table = pa.table(
        {
            HOOK: pa.array([x.tolist() for x in rows.numpy()], type=nested),
            "token_ids": pa.array([x.tolist() for x in tokens.numpy()], type=pa.list_(pa.int32())),
        }
    )
    with (
        pa.OSFile(str(folder / "data.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema) as stream,
    ):
        stream.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))
    shape = {"shape": list(rows.shape[1:]), "dtype": "float32", "_type": "Array2D"}
    (folder / "dataset_info.json").write_text(json.dumps({"features": {HOOK: shape}}))
    return folder


def _chunks(folder: Path, rows: torch.Tensor, tokens: torch.Tensor) -> Path:
    folder.mkdir()
    save_file({"activation": rows, "tokens": tokens}, folder / "chunk-00000000.safetensors")
    return folder


def _array(folder: Path, rows: torch.Tensor, tokens: torch.Tensor) -> Path:
    path = folder.with_suffix(".safetensors")
    save_file({"x": rows.flatten(0, 1).contiguous(), "tokens": tokens.flatten()}, path)
    return path


def _memmap(folder: Path, rows: torch.Tensor, tokens: torch.Tensor) -> Path:
    folder.mkdir()
    flat = rows.flatten(0, 1)
    flat.numpy().tofile(folder / "shard_0.memmap")
    config = {"d_model": D, "shard_count": 1, "context_len": CONTEXT}
    (folder / "config.json").write_text(json.dumps(config))
    meta = {"shape": list(flat.shape), "dtype": "torch.float32"}
    (folder / "shard_0.meta").write_text(json.dumps(meta))
    torch.save(tokens.flatten(), folder / "tokens.pt")
    return folder


def _own(folder: Path, rows: torch.Tensor, tokens: torch.Tensor) -> Path:
    return write_cache(folder, rows.flatten(0, 1), tokens=tokens.flatten(), n_shards=3).path


Writer = Callable[[Path, torch.Tensor, torch.Tensor], Path]
WRITERS = [_arrow, _chunks, _array, _memmap, _own]


@pytest.mark.parametrize("write", WRITERS)
def test_sinks_inside_contexts_are_left_out_of_every_cache_and_counted(
    write: Writer, tmp_path: Path
) -> None:
    rows, tokens, sinks = _sequences()
    cache = open_activations(write(tmp_path / "cache", rows, tokens))
    wanted = ~sinks
    if write in (_arrow, _chunks):
        wanted[:, 0] = False
    assert len(cache) == int(wanted.sum())
    assert cache.meta.dropped["high_norm"] == N
    read = read_rows(cache, torch.arange(len(cache)))
    torch.testing.assert_close(read.activations, rows[wanted].to(read.activations.dtype))
    assert read.tokens.tolist() == tokens[wanted].tolist()
    assert read_table(cache).tokens.tolist() == tokens[wanted].tolist()
    # In any order, and whatever is asked for at once.
    some = torch.tensor([len(cache) - 1, 0, 7])
    torch.testing.assert_close(read_rows(cache, some).activations, read.activations[some])


@pytest.mark.parametrize("write", WRITERS)
def test_all_rows_are_there_on_demand(write: Writer, tmp_path: Path) -> None:
    rows, tokens, _ = _sequences()
    cache = open_activations(write(tmp_path / "cache", rows, tokens), rows="all")
    assert len(cache) == N * CONTEXT
    assert read_table(cache).tokens.tolist() == tokens.flatten().tolist()


@pytest.mark.parametrize("write", WRITERS)
def test_another_choice_of_rows_is_another_cache(write: Writer, tmp_path: Path) -> None:
    """Codes kept for one must not be taken for the other's."""
    rows, tokens, _ = _sequences()
    path = write(tmp_path / "cache", rows, tokens)
    kept, everything = open_activations(path), open_activations(path, rows="all")
    assert kept.meta.sha256 != everything.meta.sha256
    assert kept.meta.sha256 == open_activations(path).meta.sha256


def test_padding_on_the_left_moves_the_first_position(tmp_path: Path) -> None:
    rows, tokens, _ = _sequences(sinks=0)
    mask = torch.ones(N, CONTEXT, dtype=torch.int32)
    mask[3, :5] = 0
    mask[4, -6:] = 0
    mask[5, :] = 0
    (tmp_path / "cache").mkdir()
    content = {"activation": rows, "tokens": tokens, "mask": mask}
    save_file(content, tmp_path / "cache" / "chunk-00000000.safetensors")
    table = read_table(open_activations(tmp_path / "cache"))
    assert table.positions[table.documents == 0].tolist() == list(range(1, CONTEXT))
    assert table.positions[table.documents == 3].tolist() == list(range(6, CONTEXT))
    assert table.positions[table.documents == 4].tolist() == list(range(1, CONTEXT - 6))
    assert not (table.documents == 5).any()
    everything = read_table(open_activations(tmp_path / "cache", rows="all"))
    assert len(everything) == int(mask.sum())


def test_rows_of_zeros_are_no_tokens(tmp_path: Path) -> None:
    rows = torch.randn(60, D, generator=torch.Generator().manual_seed(1))
    rows[10:40] = 0
    np.save(tmp_path / "acts.npy", rows.numpy())
    cache = open_activations(tmp_path / "acts.npy")
    assert cache.meta.dropped == {"high_norm": 0, "zero": 30}
    assert len(cache) == 30
    np.save(tmp_path / "zeros.npy", np.zeros((5, D), np.float32))
    with pytest.raises(InvalidInputError, match="every row is zero"):
        open_activations(tmp_path / "zeros.npy")


def test_activations_that_are_not_finite_are_named(tmp_path: Path) -> None:
    rows, tokens, _ = _sequences()
    rows[3, 4, 2] = float("inf")
    path = _chunks(tmp_path / "cache", rows, tokens)
    row = 3 * (CONTEXT - 1) + 3
    with pytest.raises(InvalidInputError, match=f"NaN or infinity, first in row {row}"):
        open_activations(path)


def test_an_unknown_rule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"must be one of .*screened.*all"):
        open_activations(tmp_path, rows="some")
    with pytest.raises(InvalidInputError, match=r"\(--rows\) must be one of"):
        Policy(rows="some")


def test_the_limit_is_ten_times_the_median_of_what_is_not_zero() -> None:
    norms = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 9.9, 10.1])
    assert high_norm(norms).tolist() == [False] * 7 + [True]
    assert not high_norm(torch.zeros(4)).any()


def test_text_around_a_row_shows_the_tokens_that_were_left_out(tmp_path: Path) -> None:
    rows, tokens, sinks = _sequences()
    cache = open_activations(_array(tmp_path / "cache", rows, tokens))
    place = int(sinks.flatten().nonzero()[0, 0]) + 1
    around = context(cache, place - 1, before=2, after=2)
    assert around.strings == tuple(
        f"<{token}>" for token in tokens.flatten()[place - 2 : place + 3]
    )
    assert around.centre == 2
    assert around.rows == (place - 2, -1, place - 1, place, place + 1)


def _independent() -> tuple[Dictionary, Dictionary]:
    return tuple(make_run(unit_rows(3 * D, D, seed=seed), name=f"r{seed}") for seed in (1, 2))


def _shared(a: Dictionary, b: Dictionary, cache: ActivationCache) -> dict[str, object]:
    policy = Policy(views=("activations",), n_draws=2)
    found = un.compare(a, b, policy, activations=cache)
    row = next(row for row in found.summary["shared"] if row["threshold"] == 0.7)
    checks = {check["id"]: check for check in found.summary["checks"]}
    return {"shared": row["activations"]["value"], "checks": checks, "summary": found.summary}


def test_sinks_make_nothing_of_independent_runs_alike(tmp_path: Path) -> None:
    """Independent dictionaries share nothing; a sink in each context used to make them alike."""
    rows, tokens, _ = _sequences(seed=5)
    path = _arrow(tmp_path / "cache", rows, tokens)
    a, b = _independent()
    screened = _shared(a, b, open_activations(path))
    everything = _shared(a, b, open_activations(path, rows="all"))
    assert screened["shared"] < 0.05
    # The four latents that fire on the sink, of 24, and no other.
    assert everything["shared"] == pytest.approx(4 / 24)
    assert screened["checks"]["heavy_rows"]["status"] == "ok"
    heavy = everything["checks"]["heavy_rows"]
    assert heavy["status"] == "warn"
    assert heavy["value"] > 0.3
    assert everything["checks"]["few_tokens"]["status"] != "warn"
    rule = screened["summary"]["activations"]["rows"]["a"]
    assert "norms above 10 times the median" in rule["rule"]
    assert rule["dropped"] == {"first_position": N, "high_norm": N, "zero": 0}
    whole = everything["summary"]["activations"]["rows"]["a"]
    assert whole == {"rule": "all rows that the cache holds", "dropped": {}}


def test_the_share_of_heavy_rows_is_that_of_a_full_table(tmp_path: Path) -> None:
    rows = torch.randn(700, D, generator=torch.Generator().manual_seed(3))
    rows[::100] *= 6
    np.save(tmp_path / "acts.npy", rows.numpy())
    run, _ = _independent()
    codes = encode(run, open_activations(tmp_path / "acts.npy"), progress=False)
    squares = run.encode(rows).double().square().sum(dim=1).sort(descending=True).values
    expected = float(squares[:7].sum() / squares.sum())
    assert heavy_share(codes) == pytest.approx(expected, rel=1e-6)
    assert heavy_share(codes, fraction=1.0) == pytest.approx(1.0)
