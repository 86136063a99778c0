"""Independent pieces of work side by side, within the threads that torch may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(
    function: Callable[[_Item], _Result],
    items: Sequence[_Item],
    device: torch.device,
    *,
    large: bool = False,
) -> Iterator[_Result]:
    """The results of the function, in the order of the items.

    On the CPU several items are in work at once, each with its share of torch's threads; work of
    a few seconds, much of it in NumPy, gains more that way than from threads inside its products.
    Elsewhere, with one thread, and where each takes gigabytes (`large`), they come one after the
    other.
    """
    n_threads = torch.get_num_threads()
    n_workers = _n_at_once(len(items), device, large=large)
    if n_workers < 2:
        yield from map(function, items)
        return
    share = n_threads // n_workers
    pool = ThreadPoolExecutor(n_workers, initializer=torch.set_num_threads, initargs=(share,))
    try:
        yield from pool.map(function, items)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(n_threads)


@contextmanager
def as_one_of(n_items: int, device: torch.device, *, large: bool = False) -> Iterator[None]:
    """In the block, as many threads as one of so many items has that are done `side_by_side`.

    What is done by itself then rounds as it does among the others.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(n_threads // max(1, _n_at_once(n_items, device, large=large)))
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _n_at_once(n_items: int, device: torch.device, *, large: bool) -> int:
    return 1 if large or device.type != "cpu" else min(n_items, torch.get_num_threads())
