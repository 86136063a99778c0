"""Dead latents get the directions, norms and vectors that their method says, and no others do."""

from __future__ import annotations

import pytest
import torch

from universality.errors import InvalidInputError
from universality.toy.training import generators_of
from universality.training.resampling import Resampling, resample


def _parameters(n: int = 8) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {
        "W_enc": 3 * torch.randn(2, n, 2, generator=generator),
        "W_dec": torch.nn.functional.normalize(torch.randn(2, n, 2, generator=generator), dim=2),
        "b_enc": torch.randn(2, n, generator=generator),
        "b_dec": torch.tensor([[0.5, -0.5], [0.0, 0.0]]),
    }


def _call(
    parameters: dict[str, torch.Tensor],
    dead: torch.Tensor,
    method: str,
    *,
    inputs: torch.Tensor | None = None,
    errors: torch.Tensor | None = None,
    **options: object,
) -> torch.Tensor:
    return resample(
        parameters,
        dead,
        Resampling(method=method, scale=0.5),
        starts={"b_enc": 0.0},
        inputs=torch.zeros(2, 4, 2) if inputs is None else inputs,
        errors=torch.zeros(2, 4) if errors is None else errors,
        generators=generators_of(0, 2, "test"),
        **options,  # type: ignore[arg-type]
    )


def test_only_the_dead_change() -> None:
    before, after = _parameters(), _parameters()
    dead = torch.zeros(2, 8, dtype=torch.bool)
    dead[0, 2] = dead[1, 5] = True
    new = _call(after, dead, "simple")
    assert torch.equal(new, dead)
    for name in ("W_enc", "W_dec", "b_enc"):
        assert torch.equal(after[name][~dead], before[name][~dead])
        assert not torch.equal(after[name][dead], before[name][dead])
    assert after["b_enc"][dead].tolist() == [0, 0]
    torch.testing.assert_close(after["W_dec"][dead].norm(dim=1), torch.ones(2))
    torch.testing.assert_close(after["W_enc"][dead], 0.5 * after["W_dec"][dead])
    untouched = _parameters()
    assert not _call(untouched, torch.zeros_like(dead), "simple").any()
    assert torch.equal(untouched["W_enc"], before["W_enc"])


def test_simple_reaches_every_quadrant_alike() -> None:
    n = 2000
    parameters = _parameters(n)
    _call(parameters, torch.ones(2, n, dtype=torch.bool), "simple")
    quadrant = (parameters["W_dec"] > 0).long() @ torch.tensor([1, 2])
    counts = torch.bincount(quadrant.flatten(), minlength=4).float()
    assert ((counts - n / 2).abs() < 4 * (n * 2 * 0.25 * 0.75) ** 0.5).all()


def test_advanced_takes_badly_reconstructed_inputs_by_their_squared_error() -> None:
    n = 3000
    parameters = _parameters(n)
    dead = torch.zeros(2, n, dtype=torch.bool)
    dead[0, 1:] = True
    inputs = torch.zeros(2, 4, 2)
    inputs[0] = parameters["b_dec"][0] + torch.tensor([[2.0, 0], [0, 3], [-1, 0], [0, -4]])
    errors = torch.tensor([[1.0, 2.0, 0.0, 3.0], [0, 0, 0, 0]])
    alive = float(parameters["W_enc"][0, 0].norm())
    _call(parameters, dead, "advanced", inputs=inputs, errors=errors)
    rows = parameters["W_dec"][0, 1:]
    kinds = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    share = ((rows[:, None] - kinds).norm(dim=2) < 1e-6).float().mean(dim=0)
    torch.testing.assert_close(share, torch.tensor([1, 4, 0, 9]) / 14, atol=0.04, rtol=0)
    torch.testing.assert_close(
        parameters["W_enc"][0, 1:].norm(dim=1), torch.full((n - 1,), 0.5 * alive)
    )


def test_all_dead_get_a_norm_and_no_error_means_no_start() -> None:
    parameters = _parameters()
    inputs = torch.randn(2, 4, 2, generator=torch.Generator().manual_seed(1))
    errors = torch.stack([torch.ones(4), torch.zeros(4)])
    new = _call(
        parameters, torch.ones(2, 8, dtype=torch.bool), "advanced", inputs=inputs, errors=errors
    )
    assert new[0].all()
    assert not new[1].any()
    torch.testing.assert_close(parameters["W_enc"][0].norm(dim=1), torch.full((8,), 0.5))


def test_moments_are_forgotten_where_asked() -> None:
    parameters = {name: t.requires_grad_() for name, t in _parameters().items()}
    optimizer = torch.optim.Adam(list(parameters.values()), lr=1e-3)
    sum(t.square().sum() for t in parameters.values()).backward()  # type: ignore[union-attr]
    optimizer.step()
    dead = torch.zeros(2, 8, dtype=torch.bool)
    dead[1, 3] = True
    for reset in (False, True):
        resample(
            parameters,
            dead,
            Resampling(method="simple", reset_moments=reset),
            starts={"b_enc": 0.0},
            inputs=torch.zeros(2, 4, 2),
            errors=torch.zeros(2, 4),
            generators=generators_of(0, 2, "test"),
            optimizer=optimizer,
        )
        for name in ("W_enc", "W_dec", "b_enc"):
            moment = optimizer.state[parameters[name]]["exp_avg"]
            assert bool(moment[dead].any()) is not reset
            assert moment[~dead].any()


def test_rounds_come_in_time_and_none_in_the_last_window() -> None:
    plan = Resampling(method="simple", every=2500, window=500)
    assert [s for s in range(20_001) if plan.due(s, 20_000)] == list(range(2500, 20_000, 2500))
    assert plan.due(2500, 3000)
    assert not plan.due(2500, 2999)
    assert not any(Resampling().due(s, 20_000) for s in range(0, 20_000, 500))


@pytest.mark.parametrize(
    "options",
    [
        {"method": "Simple"},
        {"method": "simple", "every": 400, "window": 500},
        {"method": "simple", "window": 0},
        {"method": "simple", "scale": 0.0},
        {"method": "simple", "scale": float("nan")},
    ],
)
def test_plans_that_cannot_be_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        Resampling(**options)  # type: ignore[arg-type]
