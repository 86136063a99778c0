"""Compare two runs: which latents of one exist in the other, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from universality.checks.about_run import check_records
from universality.checks.pair_checks import check_pair
from universality.comparison.answer import answer
from universality.comparison.behind_pairs import evidence_of, open_unembedding
from universality.comparison.effects_of_pairs import effects_of_pairs
from universality.comparison.latents import latent_tables
from universality.comparison.sharing import crosscoder_columns, crosscoder_summary
from universality.comparison.summary import summarise
from universality.comparison.tables import curve_table, denominators
from universality.compute.stages import Stage, enter_stage
from universality.investigation.effect_agreement import SAMPLED
from universality.loading.checkpoints import ORIENTATIONS
from universality.matching.transport import TEMPERATURE
from universality.models.language_model import LanguageModel
from universality.models.unembedding import Unembedding
from universality.reappearance.asking import forecast_beside, forecast_columns
from universality.reappearance.fitted_forecast import Calibration
from universality.reappearance.from_run import calibration_from
from universality.results import Comparison, judge
from universality.runs.between.account import account_of
from universality.runs.between.matched_geometry import matched_geometry
from universality.runs.between.own_runs import match_own_runs
from universality.runs.between.pair_findings import find_between
from universality.runs.between.price_curve import price_curve
from universality.runs.between.soft_partners import soft_partners
from universality.runs.between.surprise import SIDES
from universality.runs.chance import draw_nulls
from universality.runs.common_tokens import CACHES, Activations, caches_of_two
from universality.runs.matched import MatchedPair, match_runs
from universality.runs.matrix import whole_matrix
from universality.runs.metrics import curve_thresholds, measure
from universality.runs.opening import RUN, Run, dictionary_of, open_run
from universality.runs.policy import POLICY, Policy
from universality.runs.run_set import gather_runs
from universality.storage.kept import STORE, PairStore, as_store
from universality.validation import FLAG, PATH, TEXT, Is, Number, OneOf, either, takes


@takes(
    a=RUN,
    b=RUN,
    policy=POLICY,
    activations=either(CACHES, None),
    codes=either(PATH, None),
    store=STORE,
    unembedding=either(Is((Unembedding, str, Path), "an unembedding, or where one lies"), None),
    effects=either(Is((LanguageModel, str, Path), "a language model, or the address of one"), None),
    effect_pairs=Number(1, whole=True),
    geometry=FLAG,
    partial=FLAG,
    transport=either(TEMPERATURE, None),
    groups=FLAG,
    calibration=either(Is((Calibration,), "a Calibration"), PATH, None),
    format=either(TEXT, None),
    orientation=either(OneOf(ORIENTATIONS), None),
)
def compare(
    a: Run,
    b: Run,
    policy: Policy | None = None,
    *,
    activations: Activations | None = None,
    codes: str | Path | None = None,
    store: str | Path | PairStore | None = None,
    unembedding: Unembedding | str | Path | None = None,
    effects: LanguageModel | str | Path | None = None,
    effect_pairs: int = SAMPLED,
    geometry: bool = False,
    partial: bool = False,
    transport: float | None = None,
    groups: bool = False,
    calibration: Calibration | str | Path | None = None,
    format: str | None = None,
    orientation: str | None = None,
) -> Comparison:
    """Which latents of two runs are the same, in each view, beside the null.

    Runs are dictionaries, addresses that `load` understands, or folders of latents that delphi
    cached, which have the activations view alone. Latents with a zero row take no part. Needs
    memory for a dozen candidates per latent, never the whole matrix of similarities; with
    activations also for the nonzero codes, and up to 2 GB of rounded similarities.

    Args:
        a: The first run.
        b: The second run.
        policy: What was decided beforehand.
        activations: A cache, or one for each run where models or hooks differ; adds the view
            `activations`, and firing on its tokens decides which latents are alive.
        codes: Folder in which codes are kept, so that a repeated call need not encode again.
        store: A folder that keeps matches, draws of nulls and, without `codes`, codes, so that a
            comparison goes on where it was stopped.
        unembedding: That of the runs' model, or what `load_unembedding` understands; adds what the
            latents of pairs write to the logits.
        effects: The language model of the cache, or its address; adds what a sample of pairs does
            to its next tokens.
        effect_pairs: How many pairs that sample has.
        geometry: Adds whether latents that fire together are arranged alike, which needs no common
            space; needs activations.
        partial: Also match partially, at each price of staying unmatched, beside the null.
        transport: A temperature: also let latents have several partners, by entropic transport.
        groups: Also account for every latent by directions: whether it lies in a group of latents,
            or a leading span, that the other run has too.
        calibration: Of the chance that one more run has a latent: what `calibrate` gave, or its
            file; what is shipped if None.
        format: Format of both runs, where it cannot be told from their files.
        orientation: Whether the `rows` or `columns` of square weights are directions.

    Raises:
        InvalidInputError: an argument does not fit, the runs live in spaces of different width, the
            caches do not fit the runs or each other, or the policy does not fit them.
        MissingFileError, FormatError, UnsupportedError: as `load_unembedding`, and as
            `read_calibration`.
        OutputError: `store` holds something else, or cannot be written.
    """
    policy = policy or Policy()
    enter_stage(Stage.OPEN)
    opened = [open_run(run, format=format, orientation=orientation) for run in (a, b)]
    caches = [] if activations is None else caches_of_two(activations, rows=policy.rows)
    work = as_store(store)
    if codes is None and work is not None:
        codes = work.folder
    to_logits = open_unembedding(unembedding, opened, caches=caches)
    enter_stage(Stage.READ)
    runs = gather_runs(opened, policy, caches, codes=None if codes is None else Path(codes))
    enter_stage(Stage.MATCH)
    (pair,) = match_runs(runs, policy, store=work).pairs.values()
    thresholds = curve_thresholds(policy.threshold)
    observed = measure(pair.matches, thresholds)
    enter_stage(Stage.CHANCE)
    nulls = draw_nulls(
        runs, (0, 1), policy, thresholds=thresholds, matches=pair.matches, store=work
    )
    found_within = match_own_runs(runs, policy, thresholds=thresholds, store=work)
    own = dict(zip(SIDES, found_within, strict=True))
    enter_stage(Stage.JUDGE)
    between = find_between(pair, policy, store=work)
    forecasts = forecast_beside(
        pair,
        [dictionary_of(run) for run in opened],
        calibration_from(calibration),
        own=own,
        absolute=policy.absolute,
        device=policy.device,
    )
    latents = {
        side: table.assign(
            **crosscoder_columns(pair), **forecast_columns(forecasts[side], pair.sides(side)[0])
        )
        for side, table in latent_tables(pair, nulls, own, policy=policy).items()
    }
    enter_stage(Stage.EVIDENCE)
    evidence = evidence_of(pair, between, latents, to_logits)
    checks = check_records(check_pair(pair, nulls, policy, found=between.summary))
    summary = (
        summarise(pair, policy=policy, observed=observed, nulls=nulls, own=own, latents=latents)
        | {"checks": checks, "validity": judge(checks)}
        | between.summary
        | crosscoder_summary(pair, latents["a"])
        | {"reappearance": {side: one.as_record() for side, one in forecasts.items()}}
        | ({} if to_logits is None else {"unembedding": to_logits.source})
    )
    if effects is not None:
        table, about = effects_of_pairs(pair, between.pairs, effects, policy, n=effect_pairs)
        evidence, summary = evidence | {"effects": table}, summary | {"effects": about}
    if geometry:
        arranged = matched_geometry(pair, policy)
        evidence |= {"geometry": arranged.table}
        summary |= {"geometry": arranged.summary()}
    if partial:
        table, about = price_curve(pair, policy)
        evidence, summary = evidence | {"partial": table}, summary | {"partial": about}
    if transport is not None:
        table, about = soft_partners(pair, policy, transport)
        evidence, summary = evidence | {"transport": table}, summary | {"transport": about}
    if groups:
        account = account_of(pair, policy, latents, between.summary.get("unmatched_span", {}))
        latents = {side: latents[side].assign(**account.columns[side]) for side in SIDES}
        summary |= {"account": account.summary}
    return Comparison(
        summary=summary | {"answer": answer(summary)},
        latents_a=latents["a"],
        latents_b=latents["b"],
        pairs=between.pairs,
        curves=curve_table(
            observed, nulls, own, denominators(pair.a.alive.n_alive, pair.b.alive.n_alive)
        ),
        **evidence,
        matrices=_matrices(pair) if policy.matrix else {},
    )


def _matrices(pair: MatchedPair) -> dict[str, Any]:
    return {
        view: whole_matrix(similarity, pair.a, pair.b)
        for view, similarity in pair.similarities.items()
    }
