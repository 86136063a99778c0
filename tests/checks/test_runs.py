"""All checks together."""

import numpy as np
import torch

from universality.checks import run_checks
from universality.dictionary import Dictionary
from universality.runs.alive import find_alive


def test_every_check_speaks_once_and_independent_runs_fail_none():
    a, b = (
        Dictionary(W_dec=W, W_enc=W)
        for W in (torch.randn(50, 9, generator=torch.Generator().manual_seed(s)) for s in (1, 2))
    )
    partners = {"decoder": np.roll(np.arange(50), 7)}
    checks = run_checks(a, b, alive=find_alive((a, b)), partners=partners)
    assert len({check.id for check in checks}) == len(checks)
    assert {check.status for check in checks} <= {"ok", "warn", "skipped"}
    assert all(check.message for check in checks)
