"""Which latent of which run a person means: a number, or a name in a saved result."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, assert_never

import pandas as pd

from universality.errors import InvalidInputError
from universality.results import (
    Comparison,
    Connection,
    Investigation,
    Stability,
    ToyResult,
    read_result,
)
from universality.results.latent_names import FAMILY, LatentAddress, latent_address
from universality.results.result_files import SUMMARY

_SIDES = {"a": "b", "b": "a"}


class AddressedLatent(NamedTuple):
    """A latent with the runs to look for it in."""

    run: str
    """The address of its run."""
    latent: int
    """Which latent."""
    others: tuple[str, ...] = ()
    """Addresses of the other runs of the result."""
    counterparts: tuple[int | None, ...] = ()
    """Its counterpart in each, where the result names one."""


def addressed_latent(place: str | Path, latent: str) -> AddressedLatent:
    """What `place` and `latent` mean together.

    `place` is a run and `latent` a number; or a saved comparison, with `a:17` or `b:17`; or a saved
    study of many runs, with `RUN:17` or `family:12`. A comparison gives the partner by activations
    where it has them, else by its first view; a study the members of the family by its headline
    rule.

    Raises:
        InvalidInputError: there is no such latent, family or run, or the result is of something
            else.
        MissingFileError, FormatError: as `read_result`.
    """
    if latent.strip().isdecimal():
        return AddressedLatent(str(place), int(latent))
    address = latent_address(latent)
    if not (Path(place) / SUMMARY).is_file():
        raise InvalidInputError(
            f"{place} is no saved result, in which {latent!r} could name a latent; of a run give "
            "the number alone"
        )
    result = read_result(place)
    match result:
        case Comparison():
            return _of_two(result, address)
        case Stability():
            return _of_many(result, address)
        case ToyResult() | Investigation() | Connection():
            raise InvalidInputError(
                f"{place} is no result of `compare` or `stability`; give one, or a run and a number"
            )
        case _:
            assert_never(result)


def _of_two(result: Comparison, address: LatentAddress) -> AddressedLatent:
    if address.of not in _SIDES:
        raise InvalidInputError(f"a comparison has the sides a and b; got {address.of!r}")
    latents = result.latents_a if address.of == "a" else result.latents_b
    row = _row(latents[latents["latent"] == address.number], address)
    views = result.summary["views"]
    view = "activations" if "activations" in views else next(iter(views))
    partner = int(row.get(f"partner_{view}", -1))
    other = _SIDES[address.of]
    return AddressedLatent(
        str(result.summary[address.of]["spec"]),
        address.number,
        (str(result.summary[other]["spec"]),),
        (partner if partner >= 0 else None,),
    )


def _of_many(result: Stability, address: LatentAddress) -> AddressedLatent:
    specs = {str(run["name"]): str(run["spec"]) for run in result.summary["runs"]}
    kind, _, rule = address.of.partition("/")
    rule = rule or str(result.summary["headline_rule"])
    column = f"family_{rule}"
    if column not in result.latents:
        raise InvalidInputError(f"no families by {rule!r} in this result")
    if kind == FAMILY:
        members = result.latents[result.latents[column] == address.number]
        first = _row(members, address)
    else:
        own = result.latents[result.latents["run"] == address.of]
        first = _row(own[own["latent"] == address.number], address)
        family = int(first[column])
        members = result.latents[(result.latents[column] == family) & (family >= 0)]
    found = _first_members(members)
    run = str(first["run"])
    others = [name for name in specs if name != run and name in set(result.latents["run"])]
    return AddressedLatent(
        specs[run],
        int(first["latent"]),
        tuple(specs[name] for name in others),
        tuple(found.get(name) for name in others),
    )


def _first_members(members: pd.DataFrame) -> dict[str, int]:
    """A member of each run; the first where there are several."""
    first = members.drop_duplicates("run")
    return {str(run): int(latent) for run, latent in first[["run", "latent"]].to_numpy()}


def _row(rows: pd.DataFrame, address: LatentAddress) -> Any:
    if rows.empty:
        raise InvalidInputError(f"there is no {address.of}:{address.number} in this result")
    return rows.iloc[0]
