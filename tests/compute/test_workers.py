"""Work side by side gives what work in turn gives, and leaves torch's threads as they were."""

from __future__ import annotations

import threading

import pytest
import torch

from universality.compute.workers import side_by_side

CPU = torch.device("cpu")


@pytest.fixture
def two_threads() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_results_keep_the_order_of_the_items() -> None:
    assert list(side_by_side(lambda n: n * n, range(20), CPU)) == [n * n for n in range(20)]


@pytest.mark.usefixtures("two_threads")
def test_two_items_are_in_work_at_once() -> None:
    """Each waits for the other: in turn, they would wait for ever."""
    together = threading.Barrier(2, timeout=30)
    assert sorted(side_by_side(lambda _: together.wait(), [0, 1], CPU)) == [0, 1]


@pytest.mark.usefixtures("two_threads")
def test_an_error_is_raised_and_threads_are_given_back() -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda n: 1 / n, [1, 0, 2], CPU))
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_other_devices_take_one_at_a_time() -> None:
    threads = set(side_by_side(lambda _: threading.get_ident(), range(4), torch.device("meta")))
    assert threads == {threading.get_ident()}
