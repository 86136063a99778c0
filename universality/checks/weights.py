"""Checks that look at the weights."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from universality.checks.check import Check, Status
from universality.compute.norms import row_norms
from universality.dictionary import Dictionary
from universality.runs.alive import NORM_FRACTION, Alive

_MOSTLY_DEAD = 0.5
_UNLIKE = 0.05
_UNIT = 0.01
_EQUAL = 1e-3
_SPREAD = 0.02


def check_same_weights(a: Dictionary, b: Dictionary, *, hashes: tuple[str, str]) -> Check:
    """Whether both runs hold the same weights; the value is the share of equal decoder rows.

    That is, every matrix that both have: runs whose decoders alone are equal are two runs.
    """
    share = _equal_share(a.W_dec, b.W_dec)
    encoders = None
    if a.W_enc is not None and b.W_enc is not None:
        encoders = _equal_share(a.W_enc, b.W_enc)
    if (hashes[0] and hashes[0] == hashes[1]) or (share == 1 and encoders in (None, 1)):
        message = "both runs hold the same weights: this compares one run with itself"
        return Check("same_weights", "fail", 1.0, message)
    if share == 1 or encoders == 1:
        same, other = ("decoder", "encoder") if share == 1 else ("encoder", "decoder")
        message = (
            f"the runs have the same {same}, and another {other}: of the {same} this compares one "
            "run with itself"
        )
        return Check("same_weights", "warn", share, message)
    return Check("same_weights", "ok", share, "the runs hold different weights")


def check_orientation(a: Dictionary, b: Dictionary) -> Check:
    """Whether rows look like directions; the value is the lowest mean encoder-decoder cosine.

    A latent reads roughly what it writes, so its two rows are alike; and trainers that normalise
    directions leave rows, not columns, of equal length.
    """
    for run in (a, b):
        fault = _turned(run)
        if fault:
            message = f"{run.source.name}: {fault}; try the other --orientation"
            return Check("orientation", "fail", _own_likeness(run), message)
    likeness = [value for run in (a, b) if (value := _own_likeness(run)) is not None]
    if not likeness:
        return Check("orientation", "skipped", None, "no encoder to compare the decoder with")
    lowest = min(likeness)
    cosine = f"mean cosine {lowest:.2f}"
    if lowest < _UNLIKE:
        message = (
            f"encoder and decoder rows of the same latent are hardly alike ({cosine}): read the "
            "wrong way round, or hardly trained"
        )
        return Check("orientation", "warn", lowest, message)
    message = f"encoder and decoder rows of the same latent are alike ({cosine})"
    return Check("orientation", "ok", lowest, message)


def check_decoder_norms(a: Dictionary, b: Dictionary) -> Check:
    """How decoder norms spread; the value is the larger share of rows far below the median."""
    norms = [row_norms(run.W_dec) for run in (a, b)]
    medians = [float(norm.median()) for norm in norms]
    small = max(
        float((norm < NORM_FRACTION * median).float().mean())
        for norm, median in zip(norms, medians, strict=True)
    )
    listed = " and ".join(f"{median:.3g}" for median in medians)
    if small > 0:
        message = (
            f"{small:.1%} of decoder rows are below a tenth of the median norm ({listed}): "
            "probably dead; --alive norm leaves them out"
        )
        return Check("decoder_norms", "warn", small, message)
    unit = all(float((norm - 1).abs().max()) < _UNIT for norm in norms)
    about = "unit" if unit else f"medians {listed}; cosines do not depend on them"
    return Check("decoder_norms", "ok", small, f"decoder norms: {about}")


def check_dead_latents(a: Alive, b: Alive) -> Check:
    """How many latents were left out and how that was decided; the value is the larger share."""
    dead = max(1 - alive.n_alive / alive.mask.numel() for alive in (a, b))
    zero = a.n_zero_rows + b.n_zero_rows
    left_out = f"{dead:.1%} of latents left out, {zero} of them for zero rows"
    if "unknown" in (a.source, b.source):
        message = f"nothing says which latents are dead, so all count ({left_out})"
        return Check("dead_latents", "warn", dead, message)
    status: Status = "warn" if dead > _MOSTLY_DEAD or zero else "ok"
    sources = " and ".join(dict.fromkeys((a.source, b.source)))
    return Check("dead_latents", status, dead, f"{left_out}; decided by {sources}")


def check_width(a: Dictionary, b: Dictionary) -> Check:
    """Whether each run has at least as many latents as dimensions; the value is the lower ratio."""
    ratio, name = min((run.d_sae / run.d_in, run.source.name) for run in (a, b))
    if ratio < 1:
        message = (
            f"{name} has fewer latents than dimensions (d_sae / d_in = {ratio:.2g}): not "
            "overcomplete, or read the wrong way round"
        )
        return Check("width", "warn", ratio, message)
    return Check("width", "ok", ratio, f"d_sae / d_in is at least {ratio:.3g}")


def equal_rows(x: Float[Tensor, "n_a d_a"], y: Float[Tensor, "n_b d_b"]) -> Bool[Tensor, " n"]:
    """Which rows with the same index are equal bit for bit and not zero; empty for other shapes."""
    if x.shape != y.shape:
        return torch.zeros(0, dtype=torch.bool)
    y = y.to(x.device)
    return (x == y).all(dim=1) & (x != 0).any(dim=1)


def _equal_share(x: Tensor, y: Tensor) -> float:
    """Share of rows that are equal and not zero, leaving out rows that are zero in both."""
    if x.shape != y.shape:
        return 0.0
    empty = ~((x != 0).any(dim=1) | (y.to(x.device) != 0).any(dim=1))
    equal = equal_rows(x, y)
    return float(equal.sum()) / max(1, int((~empty).sum()))


def _turned(run: Dictionary) -> str:
    """What shows that a matrix was read the wrong way round; empty when nothing does."""
    decoder = run.W_dec.float()
    spreads = [
        float(norms.std(correction=0) / norms.mean())
        for norms in (decoder.norm(dim=k) for k in (1, 0))
    ]
    if min(decoder.shape) > 1 and spreads[1] < _EQUAL < _SPREAD < spreads[0]:
        return "columns of the decoder, not its rows, are all of one length"
    if run.W_enc is None or run.W_enc.shape != (run.d_sae, run.d_sae):
        return ""
    straight, turned = (_cosine(decoder, enc) for enc in (run.W_enc.float(), run.W_enc.float().T))
    if turned > straight + _UNLIKE:
        return (
            f"rows of the decoder are more like columns ({turned:.2f}) than like rows "
            f"({straight:.2f}) of the encoder"
        )
    return ""


def _own_likeness(run: Dictionary) -> float | None:
    """Mean cosine between encoder and decoder rows of the same latent."""
    if run.W_enc is None or run.W_enc.shape != run.W_dec.shape:
        return None
    return _cosine(run.W_dec.float(), run.W_enc.float())


def _cosine(x: Tensor, y: Tensor) -> float:
    return float(torch.cosine_similarity(x, y, dim=1).mean())
