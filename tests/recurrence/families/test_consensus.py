import numpy as np
import torch

from tests.made_runs import make_run, unit_rows
from universality.recurrence.families.consensus import consensus, consensus_dictionary

N, D = 12, 16
FAMILY = np.tile(np.arange(N), 3)


def _runs(signs: torch.Tensor):
    """Three noisy copies of the same directions, each latent times its sign."""
    shared = unit_rows(N, D, seed=0)
    noise = [0.1 * unit_rows(N, D, seed=1 + run) for run in range(3)]
    return [make_run((shared + e) * s) for e, s in zip(noise, signs, strict=True)]


def test_with_absolute_the_sign_of_any_member_changes_nothing_but_the_sign() -> None:
    generator = torch.Generator().manual_seed(0)
    signs = torch.where(torch.rand(3, N, 1, generator=generator) < 0.5, -1.0, 1.0)
    straight, turned = _runs(torch.ones(3, N, 1)), _runs(signs)
    for view in ("decoder", "encoder"):
        plain = consensus(straight, FAMILY, view)
        found = consensus(turned, FAMILY, view, absolute=True)
        cosine = (plain.directions * found.directions).sum(dim=1)
        assert cosine.abs().min() > 1 - 1e-6
        np.testing.assert_allclose(found.spread, plain.spread, atol=1e-9)
    mixed = (signs.sum(dim=0).abs() < 3)[:, 0].numpy()
    assert (consensus(turned, FAMILY, "decoder").spread[mixed] > 0.3).all()


def test_the_side_that_most_members_take_is_kept() -> None:
    signs = torch.ones(3, N, 1)
    signs[0] = -1
    found = consensus_dictionary(_runs(signs), FAMILY, absolute=True)
    plain = consensus_dictionary(_runs(torch.ones(3, N, 1)), FAMILY)
    assert found is not None
    assert plain is not None
    torch.testing.assert_close(found.W_dec, plain.W_dec)
    torch.testing.assert_close(found.W_enc, plain.W_enc)


def test_no_family_is_no_dictionary() -> None:
    runs = _runs(torch.ones(3, N, 1))
    nobody = np.full(3 * N, -1)
    assert consensus_dictionary(runs, nobody, absolute=True) is None
    assert consensus(runs, nobody, "decoder", absolute=True).directions.shape == (0, D)
