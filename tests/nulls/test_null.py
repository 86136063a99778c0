"""What each null keeps and what it destroys."""

import pytest
import torch
from torch.nn.functional import normalize

from universality.errors import InvalidInputError
from universality.nulls import geometry
from universality.nulls.isotropic import mean_of_maximum
from universality.nulls.null import NULLS, find_null

N, D = 400, 64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def anisotropic_run(seed, likeness=0.7):
    """Rows with a shared mean and a shared, steep spectrum; encoder rows alike their decoder's."""
    g = generator(seed)
    scale = torch.linspace(2, 0.1, D)
    decoder = 0.6 * torch.ones(D) + scale * torch.randn(N, D, generator=g)
    noise = scale * torch.randn(N, D, generator=g)
    encoder = likeness * normalize(decoder, dim=1) + (1 - likeness) * normalize(noise, dim=1)
    return {"decoder": decoder, "encoder": encoder}


def greedy_mean(a, b, view="decoder"):
    cosines = normalize(a[view].float(), dim=1) @ normalize(b[view].float(), dim=1).T
    return cosines.max(dim=1).values.mean().item()


def own_likeness(run):
    return torch.cosine_similarity(run["decoder"].float(), run["encoder"].float())


@pytest.mark.parametrize("name", NULLS)
def test_draws_are_seeded_and_keep_views_and_shapes(name):
    a, b = anisotropic_run(1), {k: v[:150].half() for k, v in anisotropic_run(2).items()}
    first = NULLS[name].draw(a, b, generator=generator(7))
    again = NULLS[name].draw(a, b, generator=generator(7))
    other = NULLS[name].draw(a, b, generator=generator(8))
    for given, drawn, same, different in zip((a, b), first, again, other, strict=True):
        assert {v: x.shape for v, x in drawn.items()} == {v: x.shape for v, x in given.items()}
        assert all(torch.equal(drawn[v], same[v]) for v in drawn)
        assert given is a or not torch.equal(drawn["decoder"], different["decoder"])


@pytest.mark.parametrize(("name", "views"), [("geometry", 1), ("haar", 1), ("haar", 2)])
def test_rotations_keep_every_inner_product_within_the_run(name, views):
    a, b = ({v: r[v] for v in list(r)[:views]} for r in map(anisotropic_run, (1, 2)))
    _, drawn = NULLS[name].draw(a, b, generator=generator())
    before, after = (normalize(torch.cat(list(r.values())), dim=1) for r in (b, drawn))
    assert not torch.allclose(before, after, atol=0.1)
    torch.testing.assert_close(after @ after.T, before @ before.T, rtol=0, atol=1e-4)


def test_geometry_keeps_the_moments_of_both_views_and_their_likeness():
    """Rotating concatenated rows within their eigenspaces moves no second moment, cross included.

    Only the spread within a block and the lengths lost to the two views' mixing change them.
    """
    b = anisotropic_run(2)
    _, drawn = NULLS["geometry"].draw(b, b, generator=generator())
    before, after = (
        torch.cat([normalize(r["decoder"], dim=1), normalize(r["encoder"], dim=1)], dim=1)
        for r in (b, drawn)
    )
    moments = [x.T @ x / N for x in (before, after)]
    assert float((moments[1] - moments[0]).norm() / moments[0].norm()) < 0.15
    assert own_likeness(drawn).mean() == pytest.approx(float(own_likeness(b).mean()), abs=0.02)


def test_each_view_of_a_draw_by_itself_keeps_all_inner_products_and_ties():
    """Drawn together, views mix and their rows lose some length; drawn by itself, each keeps it.

    What a single view says is then right: of independent pairs, the mean excess is nothing.
    """
    excess = []
    for pair in range(12):
        a, b = anisotropic_run(2 * pair + 100), anisotropic_run(2 * pair + 101)
        drawn = NULLS["geometry"].draw_each_view(a, b, generator=generator(pair))
        for view, rows in b.items():
            before, after = normalize(rows, dim=1), normalize(drawn[1][view], dim=1)
            torch.testing.assert_close(after @ after.T, before @ before.T, rtol=0, atol=1e-4)
        excess.append([greedy_mean(a, b, v) - greedy_mean(*drawn, v) for v in a])
    assert torch.tensor(excess).mean(dim=0).abs().max() < 0.004
    tied = {"decoder": b["decoder"], "encoder": b["decoder"]}
    _, drawn = NULLS["geometry"].draw_each_view(tied, tied, generator=generator())
    assert drawn["decoder"] is drawn["encoder"]


def test_a_null_that_mixes_no_views_is_drawn_as_it_is():
    a, b = anisotropic_run(1), anisotropic_run(2)
    once = NULLS["isotropic"].draw(a, b, generator=generator(3))
    again = NULLS["isotropic"].draw_each_view(a, b, generator=generator(3))
    assert all(torch.equal(x[v], y[v]) for x, y in zip(once, again, strict=True) for v in x)


def test_isotropic_keeps_the_likeness_of_each_latents_own_views_and_nothing_else():
    a, b = anisotropic_run(1), anisotropic_run(2)
    drawn, _ = NULLS["isotropic"].draw(a, b, generator=generator())
    torch.testing.assert_close(own_likeness(drawn), own_likeness(a), rtol=0, atol=1e-5)
    assert drawn["decoder"].mean(dim=0).norm() < 3 / N**0.5


def test_a_shared_mean_and_spectrum_fool_isotropic_and_haar_but_not_geometry():
    """Independent runs: the observed greedy mean is itself a draw of the right null."""
    a, b = ({"decoder": anisotropic_run(seed)["decoder"]} for seed in (1, 2))
    observed = greedy_mean(a, b)
    null = {
        name: torch.tensor(
            [greedy_mean(*NULLS[name].draw(a, b, generator=generator(i))) for i in range(10)]
        )
        for name in ("geometry", "isotropic", "haar")
    }
    assert abs(null["geometry"].mean() - observed) < 0.01
    assert null["isotropic"].mean() < observed - 0.1
    assert null["haar"].mean() < observed - 0.1


def test_geometry_keeps_the_mean_and_the_variance_along_every_direction_of_a():
    b = normalize(anisotropic_run(2)["decoder"], dim=1)
    a = normalize(anisotropic_run(1)["decoder"], dim=1)
    turned = b @ geometry.draw_map(geometry.fit(b), generator=generator())
    torch.testing.assert_close(turned.mean(dim=0), b.mean(dim=0), rtol=0, atol=1e-5)
    before, after = (a @ x.T for x in (b, turned))
    ratio = after.square().mean(dim=1) / before.square().mean(dim=1)
    assert ratio.min() > 1 / 1.25
    assert ratio.max() < 1.25
    assert ratio.mean() == pytest.approx(1, abs=0.01)


def test_geometry_of_independent_isotropic_runs_is_the_isotropic_null():
    a, b = ({"decoder": torch.randn(N, D, generator=generator(s))} for s in (1, 2))
    draws = [greedy_mean(*NULLS["geometry"].draw(a, b, generator=generator(i))) for i in range(10)]
    assert sum(draws) / 10 == pytest.approx(mean_of_maximum(D, N), abs=0.005)


def test_geometry_serves_views_of_different_dimension_and_fewer_latents_than_dimensions():
    run = {
        "decoder": torch.randn(9, 20, generator=generator(1)),
        "encoder": torch.randn(9, 12, generator=generator(2)),
    }
    _, drawn = NULLS["geometry"].draw(run, run, generator=generator())
    for view in run:
        assert drawn[view].shape == run[view].shape
        assert bool(drawn[view].isfinite().all())


def test_untrained_encoders_are_tied_to_their_decoders():
    a, b = anisotropic_run(1), anisotropic_run(2)
    drawn, other = NULLS["untrained"].draw(a, b, generator=generator())
    assert torch.equal(drawn["decoder"], drawn["encoder"])
    assert greedy_mean(drawn, other) == pytest.approx(mean_of_maximum(D, N), abs=0.01)


def test_an_unknown_name_lists_the_nulls():
    with pytest.raises(InvalidInputError, match=r"unknown null 'uniform': --null takes geometry, "):
        find_null("uniform")
