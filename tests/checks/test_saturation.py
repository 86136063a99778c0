"""More shared than independent runs share: the one trace of a copy in another order."""

import numpy as np
import pytest

from universality.checks.saturation import check_saturation


def test_nearly_all_latents_warn_only_where_the_rarest_are_among_them():
    frequency = np.linspace(1e-5, 0.1, 200)
    every = np.ones(200, dtype=bool)
    found = check_saturation(every, frequency, threshold=0.7)
    assert (found.status, found.value) == ("warn", 1.0)
    assert "copy" in found.message
    without_rare = every.copy()
    without_rare[:8] = False  # 96 % are shared, of the rarest twenty twelve
    assert check_saturation(without_rare, frequency, threshold=0.7).status == "ok"
    without_frequent = every.copy()
    without_frequent[-8:] = False
    assert check_saturation(without_frequent, frequency, threshold=0.7).status == "warn"


@pytest.mark.parametrize("frequency", [None, np.full(100, np.nan)])
def test_without_frequencies_the_share_alone_decides(frequency):
    reached = np.arange(100) < 96
    assert check_saturation(reached, frequency, threshold=0.7).status == "warn"
    assert check_saturation(np.arange(100) < 94, frequency, threshold=0.7).status == "ok"


def test_no_latents_is_skipped():
    assert check_saturation(np.zeros(0, dtype=bool), None, threshold=0.7).status == "skipped"
