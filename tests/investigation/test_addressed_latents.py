"""A latent named in a saved result, or by number in a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.made_results import made_comparison, made_stability
from universality.errors import InvalidInputError, UniversalityError
from universality.investigation.addressed_latents import addressed_latent


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("results")
    made_comparison().save(folder / "two")
    made_stability().save(folder / "many")
    return {name: folder / name for name in ("two", "many")}


def test_a_number_is_of_a_run() -> None:
    assert addressed_latent("somewhere/run", "17") == ("somewhere/run", 17, (), ())


def test_a_side_of_a_comparison_brings_its_partner(places: dict[str, Path]) -> None:
    result = made_comparison()
    found = addressed_latent(places["two"], "a:1")
    view = "activations" if "activations" in result.summary["views"] else "decoder"
    row = result.latents_a[result.latents_a["latent"] == 1].iloc[0]
    partner = int(row[f"partner_{view}"])
    assert found.run == result.summary["a"]["spec"]
    assert found.others == (result.summary["b"]["spec"],)
    assert found.counterparts == (partner if partner >= 0 else None,)
    assert addressed_latent(places["two"], "b:0").run == result.summary["b"]["spec"]


def test_a_family_brings_its_members(places: dict[str, Path]) -> None:
    result = made_stability()
    rule = result.summary["headline_rule"]
    members = result.latents[result.latents[f"family_{rule}"] == 0]
    found = addressed_latent(places["many"], "family:0")
    assert found.latent == members["latent"].iloc[0]
    known = [one for one in found.counterparts if one is not None]
    assert len(known) == members["run"].nunique() - 1
    own = f"{members['run'].iloc[0]}:{members['latent'].iloc[0]}"
    assert addressed_latent(places["many"], own) == found


@pytest.mark.parametrize(
    ("place", "latent", "message"),
    [
        ("two", "c:1", "has the sides a and b"),
        ("two", "a:99999", "no a:99999 in this result"),
        ("many", "family:99999", "no family:99999"),
        ("many", "nobody:0", "no nobody:0"),
        ("many", "family/nose:0", "no families by 'nose'"),
    ],
)
def test_what_is_not_there_is_named(
    places: dict[str, Path], place: str, latent: str, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        addressed_latent(places[place], latent)


def test_a_name_needs_a_result(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no saved result"):
        addressed_latent(tmp_path, "a:17")
    with pytest.raises(UniversalityError):
        addressed_latent(tmp_path, "seventeen")
