"""The smallest universality experiment: instances are runs, and the truth is a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from universality.dictionary import Dictionary, Firing
from universality.errors import InvalidInputError
from universality.matching import match
from universality.results.toy import TOY_SCHEMA, ToyResult
from universality.toy.features import FeatureWorld, make_world, sample_features
from universality.toy.model import (
    HOOK_NAME,
    MODEL_NAME,
    ToyModel,
    dimensionality,
    hidden_of,
    repeat_model,
    truth_of,
)
from universality.toy.rules import ToyLoss, find_rule
from universality.toy.training import (
    Frame,
    TrainedAutoencoders,
    generators_of,
    train_autoencoders,
    train_toy_model,
)
from universality.training.resampling import Resampling

RECOVERED = 0.99
"""Cosine to the model's direction from which a feature counts as recovered."""
_REPRESENTED = 0.1
_TESTED = 20_000


@final
@dataclass(frozen=True)
class ToySettings:
    """Everything that decides a toy experiment."""

    architecture: str = "relu"
    """`relu` (untied), `tied`, `gated` or `jumprelu`."""
    resample: str = "none"
    """What happens to dead latents: `none`, `simple` or `advanced`."""
    instances: int = 16
    """Autoencoders, side by side, which differ in their chance alone."""
    features: int = 5
    """Features of the toy model."""
    hidden: int = 2
    """Dimensions of its hidden space."""
    latents: int | None = None
    """Latents of each autoencoder; as many as features by default."""
    probability: float = 0.025
    """How often a feature is present."""
    correlated_pairs: int = 0
    """Pairs of features that are always present together."""
    anticorrelated_pairs: int = 0
    """Pairs of features that are never present together."""
    coefficient: float | None = None
    """Weight of the sparsity penalty; the architecture's own by default."""
    steps: int = 20_000
    """Steps of the autoencoders."""
    model_steps: int = 10_000
    """Steps of the toy model."""
    seed: int = 0
    """Seed of everything."""

    def __post_init__(self) -> None:
        for name in ("instances", "features", "hidden", "steps", "model_steps"):
            if getattr(self, name) < 1:
                flag = "--" + name.replace("_", "-")
                raise InvalidInputError(
                    f"{flag} ({name}=) must be 1 or more, got {getattr(self, name)}"
                )
        if self.seed < 0:
            raise InvalidInputError(f"--seed (seed=) must not be negative, got {self.seed}")
        if self.latents is not None and self.latents < 1:
            raise InvalidInputError(f"--latents (latents=) must be 1 or more, got {self.latents}")
        find_rule(self.architecture, self.coefficient)
        Resampling(method=self.resample)
        self.world(1)

    def world(self, n_inst: int) -> FeatureWorld:
        """The features, for that many instances."""
        return make_world(
            n_inst,
            self.features,
            probability=self.probability,
            correlated_pairs=self.correlated_pairs,
            anticorrelated_pairs=self.anticorrelated_pairs,
        )


@final
@dataclass(frozen=True, eq=False)
class ToyExperiment:
    """Autoencoders on one toy model, the truth beside them."""

    truth: Dictionary
    """The toy model itself: row i is feature i."""
    instances: tuple[Dictionary, ...]
    """The autoencoders."""
    result: ToyResult
    """Numbers and frames, as they are kept."""


def toy_experiment(settings: ToySettings | None = None, *, progress: bool = False) -> ToyExperiment:
    """A toy model trained, then autoencoders on it, and how many of its features they found.

    Args:
        settings: What to train; `ToySettings()` by default.
        progress: Whether to show bars.

    Raises:
        InvalidInputError: settings that cannot be (said when they are made).
    """
    with _one_thread():
        return _experiment(settings or ToySettings(), progress=progress)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Matrices this small are faster without a second thread, and the same on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _experiment(settings: ToySettings, *, progress: bool) -> ToyExperiment:
    one = train_toy_model(
        settings.world(1),
        settings.hidden,
        n_steps=settings.model_steps,
        seed=settings.seed,
        progress=progress,
    )
    model, world = repeat_model(one, settings.instances), settings.world(settings.instances)
    trained = train_autoencoders(
        model,
        world,
        find_rule(settings.architecture, settings.coefficient),
        d_sae=settings.latents,
        n_steps=settings.steps,
        resampling=Resampling(method=settings.resample),
        seed=settings.seed,
        progress=progress,
    )
    return _judged(settings, one, trained, _test(settings, model, world, trained))


def recovered_features(
    truth: Dictionary, run: Dictionary, alive: Bool[Tensor, " d_sae"] | None = None
) -> Bool[Tensor, " n_features"]:
    """Which rows of the truth have a latent of their own at a cosine above .99.

    Truth and decoder rows are matched one to one. A latent that is not alive counts as the
    opposite of everything, so it recovers nothing.
    """
    rows = run.W_dec if alive is None else run.W_dec[alive]
    found = torch.zeros(truth.d_sae, dtype=torch.bool)
    if len(rows):
        matching = match(truth.W_dec, rows)
        partner = torch.as_tensor(np.asarray(matching.a))
        found[partner] = torch.as_tensor(np.asarray(matching.similarity)) > RECOVERED
    return found


def _test(
    settings: ToySettings, model: ToyModel, world: FeatureWorld, trained: TrainedAutoencoders
) -> tuple[Tensor, ToyLoss]:
    generators = generators_of(settings.seed, settings.instances, "test")
    hidden = hidden_of(model, sample_features(world, _TESTED, generators))
    with torch.no_grad():
        return hidden, trained.rule.loss(trained.parameters, hidden)


def _judged(
    settings: ToySettings,
    model: ToyModel,
    trained: TrainedAutoencoders,
    tested: tuple[Tensor, ToyLoss],
) -> ToyExperiment:
    hidden, outcome = tested
    truth = truth_of(model, settings.world(1))
    frequency = outcome.active.float().mean(dim=1)
    instances = tuple(
        _named(trained.rule.instance(trained.parameters, i), frequency[i], i)
        for i in range(settings.instances)
    )
    recovered = torch.stack(
        [recovered_features(truth, run, frequency[i] > 0) for i, run in enumerate(instances)]
    )
    summary = {
        "schema": TOY_SCHEMA,
        "settings": asdict(settings),
        "coefficient": trained.rule.coefficient,
        "n_instances": settings.instances,
        "features_represented": int((model.W[0].norm(dim=0) > _REPRESENTED).sum()),
        "dimensionality": dimensionality(model)[0].tolist(),
        "instances_recovered": int(recovered.all(dim=1).sum()),
        "features_recovered_fraction": float(recovered.float().mean()),
        "features_recovered": recovered.sum(dim=1).tolist(),
        "dead_fraction": float((frequency == 0).float().mean()),
        "active_latents": float(outcome.active.float().sum(dim=2).mean()),
        "resampled": trained.n_resampled,
        "fvu": _unexplained(hidden, outcome.reconstruction),
    }
    return ToyExperiment(truth, instances, ToyResult(summary, model.W[0].numpy(), _arrays(trained)))


def _named(run: Dictionary, frequency: Tensor, index: int) -> Dictionary:
    name = f"instance-{index}"
    return replace(
        run,
        firing=Firing(frequency, f"{_TESTED} inputs"),
        key=replace(
            run.key, model_name=MODEL_NAME, hook_name=HOOK_NAME, d_sae=run.d_sae, seed=index
        ),
        source=replace(run.source, name=name, spec=name),
    )


def _unexplained(hidden: Float[Tensor, "n_inst n d"], back: Float[Tensor, "n_inst n d"]) -> float:
    """Squared error over the squared distance from the mean, all instances together."""
    spread = (hidden - hidden.mean(dim=1, keepdim=True)).square().sum()
    return float((hidden - back).square().sum() / spread)


def _arrays(trained: TrainedAutoencoders) -> Mapping[str, np.ndarray]:
    def stacked(name: str) -> np.ndarray:
        return np.stack([getattr(frame, name).numpy() for frame in trained.frames])

    names = [name for name in Frame.__dataclass_fields__ if name != "step"]
    steps = np.array([frame.step for frame in trained.frames])
    arrays: dict[str, Any] = {"step": steps, "probe": trained.probe.numpy()}
    return arrays | {name: stacked(name) for name in names}
