"""Whether a null has room."""

from universality.checks.nulls import check_room


def test_draws_that_move_rows_are_fine():
    check = check_room("geometry", {"decoder": 0.05, "encoder": 0.2})
    assert (check.status, check.value) == ("ok", 0.2)
    assert "median cosine of 0.20 to themselves in the encoder" in check.message


def test_draws_that_leave_rows_in_place_are_named():
    check = check_room("geometry", {"decoder": 0.81, "encoder": 0.2})
    assert check.status == "warn"
    assert "this null has no room there" in check.message
    assert "decoder" in check.message
