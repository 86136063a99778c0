"""One latent of a saved result, read without the tables that do not speak of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, assert_never

import pandas as pd

from universality.intake.damage import damage_named
from universality.results.compared import Comparison
from universality.results.latent_names import FAMILY, LatentAddress, latent_address
from universality.results.result_files import read_summary, read_tables
from universality.results.schemas import COMPARISON, STABILITY, with_new_names
from universality.results.studied import Stability, read_stability
from universality.results.verdict_record import Verdict
from universality.results.verdicts import verdict, verdict_of_two

_ADVICE = "make the result again"


class LatentFound(NamedTuple):
    """What a result holds of one latent, or of one family."""

    verdict: Verdict
    """What is said of it."""
    contexts: pd.DataFrame | None
    """Rows of the table `evidence` with it and the latent of the other run that it was shown with;
    of a family, rows of `contexts`; None where no texts were kept at all."""


def latent_of_saved(folder: str | Path, latent: str) -> LatentFound:
    """The verdict on one latent of the result in a folder, with its texts.

    Raises:
        MissingFileError, FormatError: as `read_result`.
        InvalidInputError: as `verdict`.
    """
    folder = Path(folder)
    summary = read_summary(folder, *COMPARISON.read, *STABILITY.read)
    with damage_named(folder, advice=_ADVICE):
        if summary["schema"] in STABILITY.read:
            return latent_of(read_stability(folder), latent)
        return _of_saved_comparison(folder, summary, latent)


def latent_of(result: Comparison | Stability, latent: str) -> LatentFound:
    """The verdict on one latent of a result, with its texts.

    Raises:
        InvalidInputError: as `verdict`.
    """
    found, address = verdict(result, latent), latent_address(latent)
    match result:
        case Comparison():
            texts = result.evidence
            return LatentFound(found, None if texts is None else _texts(texts, *address))
        case Stability():
            return LatentFound(found, _family_texts(result, address))
        case _:
            assert_never(result)


def _of_saved_comparison(folder: Path, summary: dict[str, Any], latent: str) -> LatentFound:
    address = latent_address(latent)
    tables = {f"latents_{side}": f"latents_{side}.parquet" for side in ("a", "b")}
    latents = with_new_names(read_tables(folder, tables), summary)
    by_side = {name.removeprefix("latents_"): table for name, table in latents.items()}
    found = verdict_of_two(summary, by_side, address)
    path = folder / "evidence.parquet"
    if not path.exists():
        return LatentFound(found, None)
    rows = pd.read_parquet(path, filters=[(address.of, "==", address.number)])
    return LatentFound(found, _texts(rows, *address))


def _texts(evidence: pd.DataFrame, side: str, latent: int) -> pd.DataFrame:
    """Of the pairs of a latent that have texts, those of the first: it is made by an assignment."""
    own = evidence[evidence[side] == latent]
    return own[(own["a"] == own["a"].iloc[0]) & (own["b"] == own["b"].iloc[0])] if len(own) else own


def _family_texts(result: Stability, address: LatentAddress) -> pd.DataFrame | None:
    """Texts of the family that is named, or that a latent belongs to by the headline rule."""
    texts, (of, number) = result.contexts, address
    if texts is None:
        return None
    kind, _, named = of.partition("/")
    rule = named or result.summary["headline_rule"]
    if kind != FAMILY:
        own = (result.latents["run"] == of) & (result.latents["latent"] == number)
        number = int(result.latents.loc[own, f"family_{rule}"].iloc[0])
    return texts[(texts["family"] == number) & (texts["view"] == rule)]
