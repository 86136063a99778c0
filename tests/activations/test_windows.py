import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from universality.activations.windows import Window, batches, cut_at, limit_rows, pad

LENGTHS = st.lists(st.integers(2, 20), min_size=1, max_size=30)


def _windows(lengths):
    return [Window(i, 0, np.arange(n, dtype=np.int32)) for i, n in enumerate(lengths)]


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 60))
def test_groups_cover_every_window_once_in_order_and_are_large_enough(lengths, n_tokens):
    groups = cut_at(_windows(lengths), n_tokens)
    assert [window.document for group in groups for window in group] == list(range(len(lengths)))
    sizes = [sum(len(window.tokens) for window in group) for group in groups]
    assert all(size >= n_tokens for size in sizes[:-1])
    assert all(
        size - len(group[-1].tokens) < n_tokens for size, group in zip(sizes, groups, strict=True)
    )


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 60))
def test_batches_cover_every_window_once_within_the_limit(lengths, n_tokens):
    windows = _windows(lengths)
    found = list(batches(windows, n_tokens))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        padded = len(batch) * max(len(windows[index].tokens) for index in batch)
        assert padded <= n_tokens or len(batch) == 1


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 400))
def test_limit_counts_rows_after_the_first_of_each_window(lengths, n_tokens):
    kept = limit_rows(_windows(lengths), n_tokens)
    rows = sum(len(window.tokens) - 1 for window in kept)
    assert rows == min(n_tokens, sum(n - 1 for n in lengths))


def test_padding_is_on_the_right_and_masked():
    tokens, mask = pad(_windows([3, 2]), bos=9)
    assert tokens.tolist() == [[9, 0, 1, 2], [9, 0, 1, 0]]
    assert mask.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
