"""Whether there are enough tokens to say when latents fire, and what they cannot say."""

from __future__ import annotations

from collections.abc import Callable

from universality.checks.check import Check, Status
from universality.codes import heavy_share
from universality.dictionary import Dictionary
from universality.naming import same_model, same_place
from universality.runs.part import Recorded

_CHANCE = 0.1
_SILENT = 0.5
_CARRIED = 0.1
_HEAVY = 0.5
_HEAVY_OF_MORE = 0.65


def check_caches(a: Dictionary, b: Dictionary, recorded: tuple[Recorded, Recorded]) -> list[Check]:
    """Whether the runs were given activations that are their own, and no few rows decide."""
    meta_a, meta_b = (one.cache.meta for one in recorded)
    shares = [
        max(heavy_share(one.codes, fraction=part) for one in recorded) for part in (0.01, 0.05)
    ]
    return [
        check_cache_hooks(a, b, (meta_a.hook_name, meta_b.hook_name)),
        check_cache_models(a, b, (meta_a.model_name, meta_b.model_name)),
        check_heavy_rows(*shares),
    ]


def check_heavy_rows(share: float, share_of_more: float = 0.0) -> Check:
    """Whether a few rows decide what fires together; the value is `share`, the larger run's.

    `share` is that of the codes' second moment which the top 1 % of rows carry, `share_of_more`
    which the top 5 % do: rows of attention sinks carry nearly all of it, and make unrelated latents
    look alike.
    """
    about = (
        f"the 1 % of rows with the largest codes carry {share:.0%} of the codes' second moment, "
        f"5 % of them {max(share, share_of_more):.0%}"
    )
    if share > _HEAVY or share_of_more > _HEAVY_OF_MORE:
        message = (
            f"{about}: correlations say what those rows do (attention sinks, such as "
            "beginning-of-sequence and padding tokens, look like this); collect without them"
        )
        return Check("heavy_rows", "warn", share, message)
    return Check("heavy_rows", "ok", share, about)


def check_tokens(n_tokens: int, *, null_mean: float, heavy: bool = False) -> Check:
    """Whether unrelated latents look alike merely because the tokens are few.

    `null_mean` is the mean similarity to the nearest latent when the codes of b belong to other
    tokens. With `heavy` rows it says nothing of the number of tokens.
    """
    few = null_mean > _CHANCE
    if few and heavy:
        message = (
            f"with the codes of b on other tokens, a latent's nearest still has similarity "
            f"{null_mean:.2f} on average, because a few rows carry most of the codes (heavy_rows), "
            f"not because {n_tokens:,} tokens are few"
        )
        return Check("few_tokens", "skipped", null_mean, message)
    return Check(
        "few_tokens",
        "warn" if few else "ok",
        null_mean,
        ("collect more tokens before reading much into low similarities: " if few else "")
        + f"on {n_tokens:,} tokens, with the codes of b on other tokens, a latent's nearest still "
        f"has similarity {null_mean:.2f} on average (the finite-token null)",
    )


def check_documents(n_documents: int, *, few: int, fewest: int) -> Check:
    """Whether pairs can be judged on documents that did not make them, and how well.

    Intervals need about `few` documents in each half, and are not given below `fewest`.
    """
    half = n_documents // 2
    status: Status = "ok" if half >= few else "warn"
    if n_documents < 2:
        message = (
            "collect several documents to judge pairs on others: one cannot be held out of itself"
        )
    elif half < fewest:
        message = (
            f"collect more documents: of {n_documents}, pairs are judged on about {half} that did "
            "not make them, too few for an interval"
        )
    elif half < few:
        message = (
            f"collect more documents: of {n_documents}, pairs are judged on about {half} that did "
            f"not make them; below {few} means still move with every document more, and intervals "
            "are wide"
        )
    else:
        message = f"{n_documents} documents, so that pairs can be judged on others than made them"
    return Check("documents", status, float(n_documents), message)


def check_leverage(lost: float, *, n_pairs: int, n_left_out: int, threshold: float) -> Check:
    """Whether pairs fire alike because of a few tokens: sinks, or tokens of large norm.

    `lost` is the share of the pairs at the threshold that fall below it without the tokens that
    contribute most to each.
    """
    much = lost > _CARRIED
    return Check(
        "leverage",
        "warn" if much else "ok",
        lost,
        (
            "look up carrying_tokens_activations in the table of pairs, few tokens carry them: "
            * much
        )
        + f"{lost:.1%} of the {n_pairs:,} pairs that fire alike at {threshold:g} or more fall "
        f"below it without the {n_left_out} tokens that contribute most to each",
    )


def check_silent_latents(silent_a: float, silent_b: float, *, minimum: int) -> Check:
    """How many latents fire too rarely to take part."""
    most = max(silent_a, silent_b)
    return Check(
        "silent_latents",
        "warn" if most > _SILENT else "ok",
        most,
        ("collect more tokens to bring more latents in: " if most > _SILENT else "")
        + f"{silent_a:.1%} of a and {silent_b:.1%} of b fire on fewer than {minimum} of the tokens "
        "and take no part",
    )


def check_spaces(a: Dictionary, b: Dictionary) -> Check:
    """Whether directions of the two runs live in one space, where activations are compared too."""
    if not (a.views and b.views):
        message = "runs known by their codes alone have no directions to compare"
        return Check("spaces", "skipped", None, message)
    same = (a.d_in, a.d_out) == (b.d_in, b.d_out)
    return Check(
        "spaces",
        "ok" if same else "warn",
        None,
        "directions and activations can both be compared"
        if same
        else f"a reads width {a.d_in} and b width {b.d_in}: their directions live in different "
        "spaces, so only the activations view applies",
    )


def check_cache_hooks(a: Dictionary, b: Dictionary, hooks: tuple[str, str]) -> Check:
    """Whether each run was given activations of the hook it was trained on."""
    own = a.key.hook_name, b.key.hook_name
    return _given("activations_hook", "hook", own, hooks, same_place, wrong_is="warn")


def check_cache_models(a: Dictionary, b: Dictionary, models: tuple[str, str]) -> Check:
    """Whether each run was given activations of the language model it was trained on."""
    own = a.key.model_name, b.key.model_name
    return _given("activations_model", "model", own, models, same_model, wrong_is="fail")


def _given(
    id: str,
    what: str,
    own: tuple[str | None, str | None],
    given: tuple[str, str],
    same: Callable[[str | None, str | None], bool | None],
    *,
    wrong_is: Status,
) -> Check:
    findings = [same(mine, cache) for mine, cache in zip(own, given, strict=True)]
    wrong = [
        f"{side} was trained on {mine} and was given activations of {cache}"
        for side, mine, cache, found in zip("ab", own, given, findings, strict=True)
        if found is False
    ]
    if wrong:
        message = f"{'; '.join(dict.fromkeys(wrong))}; its codes mean nothing there"
        return Check(id, wrong_is, None, message)
    if None not in findings:
        return Check(id, "ok", None, f"each run was given activations of its own {what}")
    unsettled = [
        (mine, cache)
        for mine, cache, found in zip(own, given, findings, strict=True)
        if found is None and mine and cache != "unknown"
    ]
    if unsettled:
        message = f"whether {unsettled[0][1]} is {unsettled[0][0]} cannot be told from the names"
        return Check(id, "skipped", None, message)
    return Check(id, "skipped", None, f"a run or a cache does not say which {what} it belongs to")
