"""The best one-to-one assignment of latents by when they fire."""

from __future__ import annotations

from universality.codes import Codes
from universality.matching.assignment import assign
from universality.matching.result import Matching
from universality.similarity.code_similarity import CodeSimilarity
from universality.similarity.measures import MEASURES, Measure
from universality.validation import FLAG, SECONDS, Is, OneOf, either, takes

CODES = Is((Codes,), "codes, as `encode` gives them")


@takes(
    a=CODES,
    b=CODES,
    measure=OneOf(MEASURES),
    absolute=either(FLAG, None),
    time_limit=SECONDS,
    progress=FLAG,
)
def match_codes(
    a: Codes,
    b: Codes,
    measure: Measure = "pearson",
    *,
    absolute: bool | None = None,
    time_limit: float | None = None,
    progress: bool = True,
) -> Matching:
    """The assignment of latents of a to latents of b that fire most alike, proven optimal.

    Latents whose code never changes have similarity 0 with every other; take them out beforehand
    (`codes.take_latents`) where they should not take part.

    Args:
        a: Codes of the first run, as `encode` gives them.
        b: Codes of the second run on the same tokens, in the same order.
        measure: `pearson`, `cosine` or `jaccard`.
        absolute: Drop the sign; None where both runs have negative codes.
        time_limit: Seconds after which the best assignment so far is returned with its true gap.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        InvalidInputError: an argument does not fit, the codes cover different tokens, or signs are
            open (see `CodeSimilarity.between`).
    """
    similarity = CodeSimilarity.between(a, b, measure, absolute=absolute, progress=progress)
    return assign(similarity, time_limit=time_limit, progress=progress)
