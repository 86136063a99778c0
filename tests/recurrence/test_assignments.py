import numpy as np
import pytest

from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.recurrence.assignments import read_assignments


def _write(path, **arrays):
    np.savez(path, **{key: np.array(value) for key, value in arrays.items()})
    return path


def test_the_inverse_direction_follows(tmp_path) -> None:
    path = _write(tmp_path / "a.npz", **{"x-y/decoder": [1, 0, -1], "y-z/decoder": [0, 2]})
    matched = read_assignments(path)["decoder"]
    assert matched.runs == ("x", "y", "z")
    assert matched.sizes == (3, 2, 3)
    assert matched.missing == [("x", "z")]
    assert matched.partner[matched.rows(1)].tolist() == [[1, -1, 5], [0, -1, 7]]


def test_runs_come_in_natural_order(tmp_path) -> None:
    keys = {"seed10-seed2/encoder": [0], "seed1-seed10/encoder": [0], "seed1-seed2/encoder": [0]}
    assert read_assignments(_write(tmp_path / "a.npz", **keys))["encoder"].runs == (
        "seed1",
        "seed2",
        "seed10",
    )


def test_both_directions_may_be_given_when_they_agree(tmp_path) -> None:
    good = _write(tmp_path / "g.npz", **{"x-y/decoder": [1, 0], "y-x/decoder": [1, 0]})
    assert read_assignments(good)["decoder"].missing == []
    bad = _write(tmp_path / "b.npz", **{"x-y/decoder": [1, 0], "y-x/decoder": [0, 1]})
    with pytest.raises(FormatError, match="not the inverse"):
        read_assignments(bad)


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ({"xy/decoder": [0]}, FormatError, "is not `<run>-<run>/<view>`"),
        ({"x-x/decoder": [0]}, FormatError, "two different run names"),
        ({"x-y/decoder": [0.5]}, FormatError, "must be a list of latents"),
        ({"x-y/decoder": [0, 0]}, InvalidInputError, "latent 0 of y appears twice"),
        ({"x-y/decoder": [5], "y-x/encoder": [0]}, InvalidInputError, "names latent 5 of y"),
        ({"x-y/decoder": [0], "x-z/decoder": [0, 1]}, FormatError, "different lengths"),
    ],
)
def test_what_does_not_follow_the_rule_is_refused(tmp_path, arrays, error, message) -> None:
    with pytest.raises(error, match=message):
        read_assignments(_write(tmp_path / "a.npz", **arrays))


def test_no_file_and_no_npz(tmp_path) -> None:
    with pytest.raises(MissingFileError, match="no such file"):
        read_assignments(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(FormatError, match=r"text\.npz cannot be read, it is damaged"):
        read_assignments(tmp_path / "text.npz")
    np.savez(tmp_path / "empty.npz")
    with pytest.raises(InvalidInputError, match="no assignments"):
        read_assignments(tmp_path / "empty.npz")
