"""However a plan is worked off, its result is the plain command's, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.distributed.planned import Case, bytes_of, make_case
from universality.distributed import tile_making, working
from universality.distributed.engines import work
from universality.distributed.merging import merge_work
from universality.distributed.plan_status import plan_status
from universality.distributed.working import Worker
from universality.runs import view_match
from universality.runs.between import own_runs, pair_findings


@pytest.fixture(
    scope="module", params=["compare", pytest.param("stability", marks=pytest.mark.campaign)]
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return make_case(request.param, tmp_path_factory.mktemp(request.param))


def merged(plan: Path) -> dict[str, str]:
    merge_work(plan, plan.with_name("merged"))
    return bytes_of(plan.with_name("merged"))


@pytest.mark.parametrize("order", [[0], [1, 0], [3, 6, 0, 5, 2, 4, 1]], ids=["1", "2", "7"])
def test_any_number_of_shards_in_any_order_gives_the_plain_bytes(
    case: Case, order: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = case.plan(tmp_path / "plan")
    made = [name for part in order for name in work(plan, shard=(part, len(order))).made]
    assert sorted(made) == sorted(tile.name for tile in plan_status(plan).done)
    assert plan_status(plan).missing == ()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was in no tile")

    monkeypatch.setattr(view_match, "find_candidates", refuse)
    monkeypatch.setattr(own_runs, "match_within", refuse)
    monkeypatch.setattr(pair_findings, "cross_fit", refuse)
    assert merged(plan) == case.plain


def test_a_study_in_two_shards_gives_the_plain_bytes(tmp_path: Path) -> None:
    study = make_case("stability", tmp_path)
    plan = study.plan(tmp_path / "plan")
    for part in (1, 0):
        work(plan, shard=(part, 2))
    assert merged(plan) == study.plain


class Killed(BaseException):
    """What kills a worker here: nothing in the package catches it."""


@pytest.mark.parametrize("boundary", ["before", "written", "noted"])
def test_a_worker_that_dies_at_any_boundary_costs_one_tile_and_no_byte(
    case: Case, boundary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a tile, after its file and before its note, after its note; others go on."""
    plan = case.plan(tmp_path / "plan")
    place = {"before": "make", "written": "write_receipt", "noted": "write_receipt"}[boundary]
    owner = tile_making.TileMaker if boundary == "before" else working
    real, left = getattr(owner, place), [5]

    def dying(*given: object, **more: object) -> object:
        left[0] -= 1
        if not left[0] and boundary != "noted":
            raise Killed
        found = real(*given, **more)
        if not left[0]:
            raise Killed
        return found

    with monkeypatch.context() as patched:
        patched.setattr(owner, place, dying)
        with pytest.raises(Killed):
            work(plan, claim=True)
    assert len(plan_status(plan).done) == (5 if boundary == "noted" else 4)
    work(plan, shard=(2, 3))
    work(plan, claim=True)
    assert merged(plan) == case.plain


def test_workers_that_claim_tiles_make_each_once_and_take_over_what_a_dead_one_left(
    case: Case, tmp_path: Path
) -> None:
    plan = case.plan(tmp_path / "plan")
    first = Worker(plan)
    tile = first.plan.tiles[-1]
    lock = working.tile_digest(first.plan, tile)
    gone = "other-host-01234567~ab12~1~77~123"
    (plan / "locks").mkdir(exist_ok=True)
    (plan / "locks" / f"{lock}.lock").write_text(gone)
    found = work(plan, claim=True, lease=0.3)
    assert found.n_missing == 0
    assert len(found.made) == len(set(found.made)) == found.n_tiles
    assert work(plan, claim=True).made == ()
    assert merged(plan) == case.plain
