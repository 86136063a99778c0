"""A calibration of one's own: what tells the latents that come back, learnt from three seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun
from universality.errors import InvalidInputError
from universality.loading.checkpoints import ORIENTATIONS
from universality.reappearance.domain import Domain, domain_of, recipe_of
from universality.reappearance.exchangeable import dependence_among, recipe_differences
from universality.reappearance.fitted_forecast import KNOWN, RULES, Calibration
from universality.reappearance.fitting import (
    Trials,
    enough,
    fit_forecast,
    gather_trials,
    is_apart,
    leave_one_out,
)
from universality.runs.matched import match_runs
from universality.runs.opening import RUN, Run, open_runs
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet, gather_runs, groups
from universality.validation import PATH, TEXT, Number, OneOf, Several, either, takes

_FEWEST = 3
_POLICY = Policy(views=("decoder", "encoder"))


@takes(
    runs=Several(RUN),
    threshold=Number(0, 1),
    name=TEXT,
    version=Number(1, whole=True),
    keys=either(PATH, None),
    format=either(TEXT, None),
    orientation=either(OneOf(ORIENTATIONS), None),
)
def calibrate(
    runs: Run | Sequence[Run],
    *,
    threshold: float = 0.7,
    name: str = "own runs",
    version: int = 1,
    keys: str | Path | None = None,
    format: str | None = None,
    orientation: str | None = None,
) -> Calibration:
    """A forecast of which latents come back, fitted to runs that differ in their seed.

    Runs are taken apart by width and training step. What one run says is fitted to every kind of
    two or more; what two runs say to every kind of three or more. Each is tested on every run by a
    fit whose base run that never was, and that from four runs of a kind on it had no part in.

    Args:
        runs: Dictionaries, addresses that `load` understands, or folders of runs.
        threshold: Similarity from which a partner counts as the same latent.
        name: What it will be called.
        version: Its number.
        keys: As in `stability`.
        format: Format of the runs, where it cannot be told from their files.
        orientation: Whether the `rows` or `columns` of square weights are directions.

    Raises:
        InvalidInputError: no three runs of one width, two runs that are not independent, or nothing
            that tells latents apart.
        UnsupportedError: a run has no encoder, or brought no firing counts.
    """
    opened = [
        _with_weights(run)
        for run in open_runs(runs, keys=keys, format=format, orientation=orientation)
    ]
    kinds = _kinds(opened)
    matched = [match_runs(kind, _POLICY) for kind in kinds]
    for kind in matched:
        if fault := dependence_among(kind, range(len(kind.runs.parts))):
            raise InvalidInputError(f"{fault}; leave one of them out")
    cells = [gather_trials(kind, threshold) for kind in matched]
    return Calibration(
        name=name,
        version=version,
        threshold=threshold,
        models={
            (rule, known): fit_forecast(cells, rule, known) for rule in RULES for known in KNOWN
        },
        tests={
            (rule, known): leave_one_out(cells, rule, known) for rule in RULES for known in KNOWN
        },
        how_tested=_how_tested(cells),
        domains={known: _domain(kinds, cells, known) for known in KNOWN},
        runs=tuple(
            {"name": part.name, "seed": part.dictionary.key.seed, "sha256": part.sha256}
            for kind in kinds
            for part in kind.parts
        ),
        note=next(filter(None, map(_differences, kinds)), ""),
    )


def _with_weights(run: Dictionary | CodedRun) -> Dictionary:
    if isinstance(run, CodedRun):
        raise InvalidInputError(
            f"{run.dictionary.source.name} holds codes and no weights, from which no forecast is "
            "fitted; give the checkpoints"
        )
    return run


def _kinds(runs: Sequence[Dictionary]) -> list[RunSet]:
    """Runs by width and step, those of one run alone left out."""
    if len(runs) < _FEWEST:
        raise InvalidInputError(
            f"a calibration takes {_FEWEST} runs of one recipe: a base, another that is known, and "
            f"one in which its latents are looked for; got {len(runs)}"
        )
    together = gather_runs(runs, _POLICY)
    kinds = [
        gather_runs([together.dictionaries[run] for run in group], _POLICY)
        for group in groups(together)
        if len(group) > 1 and len({together.dictionaries[run].d_sae for run in group}) == 1
    ]
    most = max((len(kind.parts) for kind in kinds), default=1)
    if most < _FEWEST:
        raise InvalidInputError(
            f"a calibration takes {_FEWEST} runs of one width and step, and here are {most} at "
            "most; train more seeds"
        )
    return kinds


def _differences(kind: RunSet) -> str:
    return recipe_differences([recipe_of(run) for run in kind.dictionaries])


def _domain(kinds: Sequence[RunSet], cells: Sequence[Trials], known: str) -> Domain:
    taken = enough(cells, known)
    parts = [
        (part.dictionary, own)
        for kind, cell in zip(kinds, cells, strict=True)
        if cell in taken
        for part, own in zip(kind.parts, cell.own, strict=True)
    ]
    return domain_of([recipe_of(run) for run, _ in parts], [own for _, own in parts])


def _how_tested(cells: Sequence[Trials]) -> str:
    apart = all(is_apart(cell.n_runs, known) for known in KNOWN for cell in enough(cells, known))
    if apart:
        return "each run by a fit to the others alone"
    return (
        "each run by a fit whose base run it never was; where so few runs are of a kind, the "
        "others were looked for in it, so the test is kinder than one on a new run"
    )
