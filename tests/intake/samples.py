"""One whole input of each kind, and what a command does with it: read all of it, to the end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import universality as un
from tests.made_caches import write_cache, write_delphi
from tests.made_results import made_comparison, made_stability
from tests.made_runs import make_run, unit_rows
from universality.activations import contexts
from universality.activations.cache import open_cache, read_batches, verify_cache
from universality.activations.documents import Document, read_documents, text_hash
from universality.activations.formats.detection import open_activations
from universality.activations.shards import read_counts
from universality.activations.token_table import read_table
from universality.activations.windows import Window
from universality.codes import Codes
from universality.encoding.delphi import is_delphi, open_delphi
from universality.recurrence.study import stability_of_assignments
from universality.redrawing import redraw, rewrite_report
from universality.runs.keys import keyed
from universality.storage.manifest import write_manifest

SAE_LENS = Path(__file__).parents[1] / "fixtures" / "activations" / "sae_lens"
D = 4
RUN = make_run(unit_rows(12, D, seed=0), name="run0", seed=0)
RUNS = [make_run(unit_rows(12, D, seed=seed), name=f"run{seed}", seed=seed) for seed in range(3)]


@dataclass(frozen=True)
class Sample:
    """A kind of input."""

    make: Callable[[Path], object]
    """Writes a whole one at a path that does not exist."""
    use: Callable[[Path], object]
    """Reads it as a command does; whatever is wrong must be a `UniversalityError`."""


def rows(n: int = 40) -> torch.Tensor:
    return torch.randn(n, D, generator=torch.Generator().manual_seed(3))


def sequences() -> torch.Tensor:
    return rows(40).reshape(8, 5, D)


def make_own(place: Path) -> None:
    write_cache(place, rows(), n_documents=4)
    windows = [Window(i, 0, np.arange(10, dtype=np.int32) + 10 * i) for i in range(4)]
    contexts.write_tokens(place, windows)


def make_sae_lens(place: Path) -> None:
    shutil.copytree(SAE_LENS, place)


def make_lm_saes(place: Path) -> None:
    place.mkdir()
    for number, part in enumerate(sequences().chunk(2)):
        shape = part.shape[:2]
        content = {
            "activation": part.contiguous(),
            "tokens": torch.arange(part[..., 0].numel()).reshape(shape),
            "mask": torch.ones(shape, dtype=torch.int32),
        }
        save_file(content, place / f"chunk-{number:08d}.safetensors")


def make_memmap(place: Path) -> None:
    place.mkdir()
    config = {"d_model": D, "shard_count": 2, "context_len": 5, "store_tokens": True}
    (place / "config.json").write_text(json.dumps(config))
    for number, part in enumerate(rows().chunk(2)):
        part.numpy().tofile(place / f"shard_{number}.memmap")
        meta = {"shape": list(part.shape), "dtype": "torch.float32"}
        (place / f"shard_{number}.meta").write_text(json.dumps(meta))
    torch.save(torch.arange(40), place / "tokens.pt")


def make_arrays(place: Path) -> None:
    place.mkdir()
    np.save(place / "a.npy", rows().numpy())
    save_file({"x": rows(), "tokens": torch.arange(40)}, place / "b.safetensors")


def make_codes(place: Path) -> None:
    write_cache(place / "cache", rows(), n_documents=4)
    un.encode(RUN, open_cache(place / "cache"), folder=place / "codes", progress=False)


def make_delphi(place: Path) -> None:
    codes = torch.relu(torch.randn(6, 5, 8, generator=torch.Generator().manual_seed(1)))
    write_delphi(place, codes, ((0, 3), (4, 7)))


def make_assignments(place: Path) -> None:
    place.mkdir()
    draw = np.random.default_rng(0)
    pairs = [(a, b) for a in range(3) for b in range(a + 1, 3)]
    arrays = {f"run{a}-run{b}/decoder": draw.permutation(12) for a, b in pairs}
    np.savez(place / "a.npz", **arrays)
    np.savez_compressed(place / "b.npz", **arrays)


def make_keys(place: Path) -> None:
    place.mkdir()
    lines = ["run,seed,step,model_name,dataset", *(f"run{i},{i},10,gpt2,pile" for i in range(3))]
    (place / "keys.csv").write_text("\n".join(lines) + "\n")


def make_texts(place: Path) -> None:
    place.mkdir()
    records = [{"text": f"text {i}", "title": f"title {i}"} for i in range(4)]
    (place / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    (place / "b.json").write_text(json.dumps(records))
    (place / "c.txt").write_text("plain text\nof two lines\n")


def make_comparison(place: Path) -> None:
    made_comparison(12).save(place)


def make_stability(place: Path) -> None:
    made_stability().save(place)


def make_published(place: Path) -> None:
    made_comparison(12).save(place)
    write_manifest(place, {})


def use_cache(place: Path) -> None:
    cache = open_activations(place)
    for batch in read_batches(cache, 16):
        assert batch.activations.shape == (len(batch), cache.meta.d_in)
        assert bool(torch.isfinite(batch.activations).all())
    assert len(read_table(cache)) == len(cache)
    assert len(cache.document_names) >= cache.meta.n_documents
    if len(cache):
        shown = contexts.context(cache, len(cache) - 1)
        json.dumps([shown.document, shown.strings]).encode()
        "".join(shown.strings).encode()
    if cache.meta.d_in == D:
        check_codes(un.encode(RUN, cache, progress=False), len(cache))


def use_own(place: Path) -> None:
    use_cache(place)
    for shard in sorted(place.glob("acts-*.safetensors")):
        read_counts(shard)
    verify_cache(open_cache(place))


def use_arrays(place: Path) -> None:
    for name in ("a.npy", "b.safetensors"):
        use_cache(place / name)


def use_codes(place: Path) -> None:
    cache = open_activations(place / "cache")
    check_codes(un.encode(RUN, cache, folder=place / "codes", progress=False), len(cache))


def use_delphi(place: Path) -> None:
    if is_delphi(place):
        run = open_delphi(place)
        check_codes(run.codes, len(run.cache))
        for batch in read_batches(run.cache, 16):
            assert len(batch.tokens)


def use_assignments(place: Path) -> None:
    for name in ("a.npz", "b.npz"):
        found = stability_of_assignments(place / name)
        assert len(found.latents)


def use_keys(place: Path) -> None:
    for run in keyed(RUNS, place / "keys.csv"):
        json.dumps([run.key.seed, run.key.step, run.key.model_name])
        str(run.key.dataset).encode()


def use_texts(place: Path) -> None:
    documents = read_documents([place / name for name in ("a.jsonl", "b.json", "c.txt")])
    assert all(isinstance(one, Document) and one.text for one in documents)
    text_hash(documents)
    "".join(one.name for one in documents).encode()


def use_result(place: Path) -> None:
    rewrite_report(place)


def use_figures(place: Path) -> None:
    redraw(place, formats=("svg",))


def check_codes(codes: Codes, n_tokens: int) -> None:
    """As many as there are tokens, and finite."""
    assert codes.n_tokens == n_tokens
    assert codes.count.min() >= 0
    assert np.isfinite(codes.total).all()


SAMPLES = {
    "cache of ours": Sample(make_own, use_own),
    "cache of SAELens": Sample(make_sae_lens, use_cache),
    "cache of llamascopium": Sample(make_lm_saes, use_cache),
    "cache in memory-mapped shards": Sample(make_memmap, use_cache),
    "plain arrays": Sample(make_arrays, use_arrays),
    "codes": Sample(make_codes, use_codes),
    "delphi": Sample(make_delphi, use_delphi),
    "assignments": Sample(make_assignments, use_assignments),
    "keys": Sample(make_keys, use_keys),
    "texts": Sample(make_texts, use_texts),
    "comparison": Sample(make_comparison, use_result),
    "stability": Sample(make_stability, use_result),
    "published comparison": Sample(make_published, use_result),
    "figures of a comparison": Sample(make_comparison, use_figures),
    "figures of a stability": Sample(make_stability, use_figures),
}
