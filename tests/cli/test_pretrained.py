"""`universality pretrained`: the known sets, and what fetching one asks for."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.loading.fixtures import CHECKPOINTS
from universality.cli import main
from universality.cli.pretrained import pretrained


def _shown(*arguments: str) -> str:
    result = CliRunner().invoke(pretrained, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_list_holds_the_seed_sets_that_users_know() -> None:
    shown = _shown("list")
    for name in ("sae-overlap", "gpt2-small-feature-splitting", "pythia-160m-32k-3seeds"):
        assert name in shown
    assert all(len(line) <= 110 for line in shown.splitlines())


def test_gemma_scope_2_has_forty_pairs_of_seeds() -> None:
    sets = json.loads(_shown("list", "gemma-scope-2-", "--json"))["sets"]
    members = [member for run_set in sets for member in run_set["members"]]
    assert len(members) == 80
    addresses = {member["address"] for member in members}
    for address in addresses:
        assert f"{address.removesuffix('_seed_1')}_seed_1" in addresses


def test_fetching_a_path_gives_the_path() -> None:
    place = str(CHECKPOINTS / "saelens" / "topk")
    assert _shown("fetch", place).strip() == place


def test_an_unknown_set_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["pretrained", "fetch", "nonesuch"])
    assert left.value.code == 2
    assert "no known set is called 'nonesuch'" in capsys.readouterr().err
