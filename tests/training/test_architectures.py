import pytest
import torch

from universality.training.architectures import ReLURecipe, TopKRecipe
from universality.training.architectures.encoder import largest
from universality.training.architectures.interface import Batch


def _parameters(d_sae: int, d_in: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    W_dec = torch.randn(d_sae, d_in, generator=generator)
    tensors = {
        "W_enc": torch.randn(d_sae, d_in, generator=generator) / d_in**0.5,
        "W_dec": W_dec / W_dec.norm(dim=1, keepdim=True),
        "b_enc": torch.randn(d_sae, generator=generator) / 10,
        "b_dec": torch.randn(d_in, generator=generator),
    }
    return {name: tensor.requires_grad_() for name, tensor in tensors.items()}


def _batch(x: torch.Tensor, dead: torch.Tensor, **options: object) -> Batch:
    return Batch(**({"x": x, "target": x, "dead": dead, "variance": 3.0} | options))


@pytest.mark.parametrize("n_dead", [0, 1, 20])
def test_gather_decoder_gives_the_loss_and_gradients_of_the_dense_one(n_dead):
    x = torch.randn(50, 16, generator=torch.Generator().manual_seed(1))
    dead = torch.arange(96) < n_dead
    results = []
    for gather in (True, False):
        parameters = _parameters(96, 16)
        result = TopKRecipe(5).loss(parameters, _batch(x, dead, gather=gather))
        result.loss.backward()
        results.append((result, [tensor.grad for tensor in parameters.values()]))
    (gather, gather_gradients), (dense, dense_gradients) = results
    torch.testing.assert_close(gather.loss, dense.loss)
    assert torch.equal(gather.fired, dense.fired)
    assert gather.l0 == dense.l0
    for ours, autograd in zip(gather_gradients, dense_gradients, strict=True):
        torch.testing.assert_close(ours, autograd)


def test_loss_without_dead_latents_is_the_unexplained_variance_by_numpy():
    x = torch.randn(30, 8, generator=torch.Generator().manual_seed(2))
    parameters = _parameters(40, 8)
    result = TopKRecipe(3).loss(parameters, _batch(x, torch.zeros(40).bool()))
    W_enc, W_dec, b_enc, b_dec = (tensor.detach().numpy() for tensor in parameters.values())
    expected = 0.0
    for token in x.numpy():
        pre = W_enc @ (token - b_dec) + b_enc
        active = sorted(range(40), key=lambda i: -pre[i])[:3]
        rebuilt = b_dec + sum(max(pre[i], 0.0) * W_dec[i] for i in active)
        expected += float(((token - rebuilt) ** 2).sum()) / 30 / 3.0
    assert result.fvu == pytest.approx(expected, rel=1e-5)


def test_relu_penalty_is_the_mean_sum_of_codes():
    x = torch.randn(30, 8, generator=torch.Generator().manual_seed(2))
    batch = _batch(x, torch.zeros(40).bool(), variance=2.0)
    losses = [ReLURecipe(l1).loss(_parameters(40, 8), batch).loss for l1 in (0.0, 1.0)]
    W_enc, _, b_enc, b_dec = (tensor.detach() for tensor in _parameters(40, 8).values())
    codes = ((x - b_dec) @ W_enc.T + b_enc).relu()
    torch.testing.assert_close(losses[1] - losses[0], codes.sum(dim=1).mean() / 2)


@pytest.mark.parametrize(("d_sae", "k"), [(6 * 40, 3), (6 * 40, 20), (100, 5), (2304, 32), (7, 7)])
def test_largest_is_topk(d_sae, k):
    pre = torch.randn(64, d_sae, generator=torch.Generator().manual_seed(3))
    values, columns = largest(pre, k)
    expected = pre.topk(k, dim=1)
    assert torch.equal(values.sort(dim=1, descending=True).values, expected.values)
    assert torch.equal(columns.sort(dim=1).values, expected.indices.sort(dim=1).values)
    assert torch.equal(values, pre.gather(1, columns))


def test_dead_latents_learn_what_the_others_leave_over():
    parameters = _parameters(40, 8)
    x = torch.randn(200, 8, generator=torch.Generator().manual_seed(4))
    dead = torch.arange(40) >= 30
    with torch.no_grad():
        parameters["b_enc"][dead] = -100.0
    TopKRecipe(3).loss(parameters, _batch(x, dead)).loss.backward()
    assert torch.equal(parameters["W_dec"].grad[dead], torch.zeros(10, 8))
    with torch.no_grad():
        parameters["b_enc"][dead] = -2.0
    parameters["W_dec"].grad = None
    TopKRecipe(3).loss(parameters, _batch(x, dead)).loss.backward()
    assert (parameters["W_dec"].grad[dead].norm(dim=1) > 0).any()
