"""Dictionaries on layer 8 of SmolLM2-135M, from the texts to the cards.

`python -m pretrained.smollm2 --assets ASSETS --work WORK [STEP ...]` runs the steps named, or all:

    texts    documents of Wikipedia and of the Brown corpus, split into training and held out
    collect  activations of both, and of the sample that ships (20 minutes on two cores)
    train    the runs (about 15 minutes each on one core at width 2304, less for the others)
    publish  weights, cards, sample and the agreement of two seeds, into `pretrained/`

Each step leaves finished work alone and goes on with what was interrupted.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch

from pretrained import assets, cards, texts
from pretrained.agreement import write_agreement
from universality.activations.cache import open_cache
from universality.activations.collecting import collect
from universality.errors import UniversalityError
from universality.models.language_model import load_language_model
from universality.models.precision import resolve_dtype
from universality.training.runs import train
from universality.training.settings import TrainingSettings

HOOK = "blocks.8.hook_resid_post"
NAME = f"smollm2-135m.{HOOK}"
SAMPLE_TOKENS = 8032
_SHIPPED_FILES = (
    "cfg.json",
    "sae_weights.safetensors",
    "sparsity.safetensors",
    "training_record.json",
)


def _run(width: int, seed: int, **options: Any) -> TrainingSettings:
    settings = {"init_seed": seed, "order_seed": seed, "n_tokens": 12_000_000, "held_out": 0.0}
    return TrainingSettings(d_sae=width, **(settings | options))


def _first_run(seed: int, **options: Any) -> TrainingSettings:
    """By the rule under which the wide runs were trained: the start drawn from the seed alone."""
    return _run(2304, seed, start="seed", clip_norm=0.0, **options)


RUNS = (
    _first_run(0, checkpoints=12),
    _first_run(1, checkpoints=12),
    _first_run(2),
    _first_run(0, order_seed=1),
    _run(1152, 0),
    _run(1152, 1),
    _run(576, 0),
    _run(576, 1),
)


def write_texts(assets_folder: Path, work: Path) -> None:
    """The documents for training, those kept out of it, and the sample of the latter."""
    documents = [
        *texts.wikipedia(assets.wikipedia_file(assets_folder)),
        *texts.brown(assets.brown_folder(assets_folder)),
    ]
    held_out = [document for document in documents if texts.is_held_out(document)]
    work.mkdir(parents=True, exist_ok=True)
    kept = (document for document in documents if not texts.is_held_out(document))
    texts.write_jsonl(work / "train.jsonl", kept)
    texts.write_jsonl(work / "heldout.jsonl", held_out)
    texts.write_jsonl(work / "sample.jsonl", texts.sample(held_out))


def collect_activations(assets_folder: Path, work: Path) -> None:
    """The three caches, in bfloat16 where the processor has it."""
    model = load_language_model(assets.model_file(assets_folder), dtype=resolve_dtype("auto"))
    for name, max_tokens, shard in (
        ("train", None, 32_768),
        ("heldout", None, 32_768),
        ("sample", SAMPLE_TOKENS, 5_000),
    ):
        collect(
            model,
            HOOK,
            work / f"{name}.jsonl",
            work / name,
            max_tokens=max_tokens,
            shard_tokens=shard,
            progress=True,
        )


def train_runs(_assets_folder: Path, work: Path) -> None:
    """The runs, one after another, in half precision."""
    train(
        open_cache(work / "train"), RUNS, work / "out", weights_dtype=torch.float16, progress=True
    )


def publish(_assets_folder: Path, work: Path) -> None:
    """Fill the folder beside this file from the work folder."""
    shipped = Path(__file__).parent / NAME
    shipped.mkdir(exist_ok=True)
    held_out = open_cache(work / "heldout")
    for run in RUNS:
        target = shipped / run.name
        target.mkdir(exist_ok=True)
        for file in _SHIPPED_FILES:
            shutil.copyfile(work / "out" / run.name / file, target / file)
        (target / "README.md").write_text(cards.run_card(target, run, held_out))
    shutil.copytree(work / "sample", shipped / "activations", dirs_exist_ok=True)
    write_agreement(work / "out/w2304-s0", work / "out/w2304-s1", shipped)
    (shipped / "README.md").write_text(
        cards.overview([shipped / run.name for run in RUNS], open_cache(work / "train"), shipped)
    )


STEPS: dict[str, Callable[[Path, Path], None]] = {
    "texts": write_texts,
    "collect": collect_activations,
    "train": train_runs,
    "publish": publish,
}


@click.command()
@click.argument("steps", nargs=-1, type=click.Choice(list(STEPS)))
@click.option("--assets", "assets_folder", default=".", type=click.Path(path_type=Path))
@click.option("--work", required=True, type=click.Path(path_type=Path))
def main(steps: tuple[str, ...], assets_folder: Path, work: Path) -> None:
    """Remake the dictionaries on layer 8 of SmolLM2-135M."""
    try:
        for step in steps or tuple(STEPS):
            STEPS[step](assets_folder, work)
    except UniversalityError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
