"""The trainers of other libraries, one step at a time: what `benchmarks.training` compares with.

Versions: sae-lens 6.54.12, dictionary-learning 0.1.0, eai-sparsify 1.3.3, in an environment of its
own that has this package too:

    python -m venv PEERS && PEERS/bin/pip install -e . sae-lens==6.54.12 \
        dictionary-learning==0.1.0 eai-sparsify==1.3.3 && PEERS/bin/pip uninstall -y torchvision

Each trains as its library does by default: its own start, rate, loss and housekeeping. Warm-ups
that the libraries count in steps (1,000 and 2,000) are 2 % and 5 % of the run where a run is
shorter than that, as ours are. What is not installed is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

VERSIONS = {"sae-lens": "6.54.12", "dictionary-learning": "0.1.0", "eai-sparsify": "1.3.3"}


@dataclass(frozen=True)
class Job:
    """What every trainer is asked for."""

    architecture: str
    """As ours is called."""
    d_in: int
    d_sae: int
    batch_size: int
    n_steps: int
    seed: int
    sparsity: float
    """k, target L0, or weight of the L1 penalty in the library's own unit."""
    bfloat16: bool = False


@dataclass(frozen=True)
class Peer:
    """One trainer under way."""

    step: Callable[[Tensor], None]
    """Takes raw tokens in float32."""
    reconstruct: Callable[[Tensor], tuple[Tensor, Tensor]]
    """Reconstruction and codes of raw tokens, by the library's own inference."""


def sae_lens(job: Job, sample: Tensor) -> Peer | None:
    """`SAETrainer` of sae-lens; inputs scaled to norm sqrt(d_in) as its option does."""
    try:
        from sae_lens import saes
        from sae_lens.config import LoggingConfig, SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer
    except ImportError:
        return None
    warm = max(1, round(0.05 * job.n_steps))
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "topk": ("TopK", {"k": int(job.sparsity)}),
        "batchtopk": ("BatchTopK", {"k": job.sparsity}),
        "matryoshka": ("MatryoshkaBatchTopK", {
            "k": job.sparsity, "matryoshka_widths": [job.d_sae // n for n in (16, 8, 4, 2)]}),
        "relu": ("Standard", {"l1_coefficient": job.sparsity, "l1_warm_up_steps": warm}),
        "gated": ("Gated", {"l1_coefficient": job.sparsity, "l1_warm_up_steps": warm}),
        "jumprelu": ("JumpReLU", {"l0_coefficient": job.sparsity, "l0_warm_up_steps": warm}),
    }  # fmt: skip
    if job.architecture not in kinds:
        return None
    name, options = kinds[job.architecture]
    torch.manual_seed(job.seed)
    common = {"d_in": job.d_in, "d_sae": job.d_sae, "device": "cpu"}
    config = getattr(saes, f"{name}TrainingSAEConfig")(**common, **options)
    sae = getattr(saes, f"{name}TrainingSAE")(config)
    trainer = SAETrainer(
        SAETrainerConfig(
            total_training_samples=job.n_steps * job.batch_size,
            train_batch_size_samples=job.batch_size,
            lr_warm_up_steps=round(0.02 * job.n_steps),
            lr_decay_steps=round(0.2 * job.n_steps),
            lr_end=3e-5,  # a tenth of the rate, as its runner sets it
            autocast=job.bfloat16,
            logger=LoggingConfig(log_to_wandb=False),
        ),
        sae,
        data_provider=iter(()),
    )
    scale = math.sqrt(job.d_in) / float(sample.norm(dim=1).mean())

    def step(x: Tensor) -> None:
        trainer.step(x * scale)
        trainer.n_training_steps += 1

    folded: list[Any] = []

    def reconstruct(x: Tensor) -> tuple[Tensor, Tensor]:
        if not folded:
            folded.append(_inference(sae))
        codes = folded[0].encode(x * scale)
        return folded[0].decode(codes) / scale, codes

    return Peer(step, reconstruct)


def _inference(sae: Any) -> Any:
    import tempfile

    from sae_lens import SAE

    with tempfile.TemporaryDirectory() as folder:
        sae.save_inference_model(folder)
        return SAE.load_from_disk(folder)


def dictionary_learning(job: Job, sample: Tensor) -> Peer | None:
    """The trainers of dictionary_learning; inputs scaled to mean squared norm 1, as `trainSAE`."""
    try:
        from dictionary_learning import trainers
    except ImportError:
        return None
    warm = {"warmup_steps": min(1000, round(0.02 * job.n_steps))}
    slow = {"sparsity_warmup_steps": min(2000, round(0.05 * job.n_steps))}
    ema = {"threshold_start_step": min(1000, job.n_steps // 10)}
    k = {"k": int(job.sparsity)}
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "topk": ("top_k.TopKTrainer", k | ema),
        "batchtopk": ("batch_top_k.BatchTopKTrainer", k | ema),
        "matryoshka": ("matryoshka_batch_top_k.MatryoshkaBatchTopKTrainer", k | ema | {
            "group_fractions": [1 / 16, 1 / 16, 1 / 8, 1 / 4, 1 / 2]}),
        "relu": ("standard.StandardTrainer", slow | {"l1_penalty": job.sparsity}),
        "gated": ("gdm.GatedSAETrainer", slow | {"l1_penalty": job.sparsity}),
        "jumprelu": ("jumprelu.JumpReluTrainer", slow | {"target_l0": job.sparsity}),
    }  # fmt: skip
    if job.architecture not in kinds:
        return None
    import importlib

    path, options = kinds[job.architecture]
    module, name = path.split(".")
    importlib.import_module(f"dictionary_learning.trainers.{module}")
    torch.manual_seed(job.seed)
    decay = round(0.8 * job.n_steps)
    trainer = getattr(getattr(trainers, module), name)(
        steps=job.n_steps, activation_dim=job.d_in, dict_size=job.d_sae, layer=8, lm_name="m",
        seed=job.seed, device="cpu", decay_start=decay, **warm, **options,
    )  # fmt: skip
    scale = 1 / math.sqrt(float(sample.square().sum(dim=1).mean()))
    count = iter(range(10**9))

    def step(x: Tensor) -> None:
        with _autocast(job):
            trainer.update(next(count), x * scale)

    def reconstruct(x: Tensor) -> tuple[Tensor, Tensor]:
        codes = trainer.ae.encode(x * scale)
        return trainer.ae.decode(codes) / scale, codes

    return Peer(step, reconstruct)


def sparsify(job: Job, sample: Tensor) -> Peer | None:
    """The inner loop of sparsify's trainer, which itself wants a model: Adam, unit rows, AuxK."""
    if job.architecture != "topk":
        return None
    try:
        from sparsify import SparseCoder, SparseCoderConfig
    except ImportError:
        return None
    torch.manual_seed(job.seed)
    config = SparseCoderConfig(num_latents=job.d_sae, k=int(job.sparsity))
    sae = SparseCoder(job.d_in, config, device="cpu", dtype=torch.float32)
    rate = 2e-4 / math.sqrt(job.d_sae / 2**14)
    optimizer = torch.optim.Adam(sae.parameters(), lr=rate)
    warm = max(1, min(1000, round(0.02 * job.n_steps)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: min((n + 1) / warm, max(0.0, 1 - n / job.n_steps))
    )
    sae.b_dec.data = sample.mean(dim=0)
    silent = torch.zeros(job.d_sae, dtype=torch.long)

    def step(x: Tensor) -> None:
        sae.set_decoder_norm_to_unit_norm()
        with _autocast(job):
            out = sae(x, dead_mask=silent > 10_000_000)
        (out.fvu + out.auxk_loss / 32).backward()
        silent.add_(len(x))
        silent[out.latent_indices.flatten()] = 0
        sae.remove_gradient_parallel_to_decoder_directions()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()

    def reconstruct(x: Tensor) -> tuple[Tensor, Tensor]:
        encoded = sae.encode(x)
        dense = torch.zeros(len(x), job.d_sae)
        dense.scatter_(1, encoded.top_indices, encoded.top_acts)
        return sae.decode(encoded.top_acts, encoded.top_indices), dense

    return Peer(step, reconstruct)


PEERS: dict[str, Callable[[Job, Tensor], Peer | None]] = {
    "sae-lens": sae_lens,
    "dictionary-learning": dictionary_learning,
    "eai-sparsify": sparsify,
}
"""Every library by its name on the package index."""


def _autocast(job: Job) -> AbstractContextManager[Any]:
    return torch.autocast("cpu", dtype=torch.bfloat16) if job.bfloat16 else nullcontext()
