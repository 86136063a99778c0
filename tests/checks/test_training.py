"""Runs that were hardly trained are named, however flat their curves; the amount is always said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from universality.activation_functions import ReLU
from universality.checks.training_amount import Amount, amount_of_training, check_convergence
from universality.cli.screen import shown_in_training
from universality.dictionary import Dictionary, Source
from universality.loading import load
from universality.saving import save

D_SAE = 100


def _run(record: dict[str, Any] | None = None, name: str = "made", **config: Any) -> Dictionary:
    told = {} if record is None else {"training_record": record}
    return Dictionary(W_dec=torch.ones(D_SAE, 2), source=Source(name=name, config=told | config))


def _record(
    *, shown: int = 500_000, distinct: int = 100_000, cosine: float | None = 0.15, fall: float = 0.0
) -> dict[str, Any]:
    history = [{"fvu": 0.5}] * 8 + [{"fvu": 0.2}, {"fvu": 0.2 * (1 - fall)}]
    found = {"n_presentations": shown, "n_unique_tokens": distinct, "history": history}
    return found if cosine is None else found | {"mean_cosine_to_start": cosine}


def test_the_last_tenth_is_read_from_the_record() -> None:
    found = check_convergence(_run(_record()), _run(_record(fall=1 / 21), name="falling"))
    assert found.status == "warn"
    assert found.value == pytest.approx(1 / 21)
    assert "the FVU of falling fell by 4.8%" in found.message
    fine = check_convergence(_run(_record()), _run(_record(fall=0.01)))
    assert (fine.status, fine.value) == ("ok", pytest.approx(0.01))


@pytest.mark.parametrize(
    ("short", "words"),
    [
        (_record(shown=17_400), "short was shown 174 tokens a latent"),
        (_record(distinct=15_000), "short saw 15,000 distinct tokens, 150 a latent"),
        (_record(cosine=0.94), "the decoder rows of short still have a mean cosine of 0.94"),
    ],
)
def test_a_flat_curve_does_not_hide_a_short_training(short: dict[str, Any], words: str) -> None:
    """A learning rate that decays to zero flattens the curve of any training."""
    found = check_convergence(_run(_record()), _run(short, name="short"))
    assert found.status == "warn"
    assert words in found.message
    assert "far from converged" in found.message


def test_the_shipped_runs_pass_and_a_thirtieth_of_them_does_not() -> None:
    """2,304 latents: 12,001,280 presentations of 2,211,873 tokens, against 400,000."""
    shipped = Amount(2304, 12_001_280, 2_211_873, 0.16, 0.001)
    short = Amount(2304, 400_000, 400_000, None, 0.001)
    assert shipped.per_latent == pytest.approx(12_001_280 / 2304)
    assert short.per_latent == pytest.approx(400_000 / 2304)
    runs = [
        Dictionary(W_dec=torch.ones(2304, 1), source=Source(config={"training_record": record}))
        for record in (
            _record(shown=12_001_280, distinct=2_211_873, cosine=None),
            _record(shown=400_000, distinct=400_000, cosine=None),
        )
    ]
    assert check_convergence(runs[0], runs[0]).status == "ok"
    assert check_convergence(runs[0], runs[1]).status == "warn"


def test_other_libraries_say_it_in_their_configuration() -> None:
    told = _run(training_tokens=300_000_000)
    assert amount_of_training(told).n_presentations == 300_000_000
    assert check_convergence(told, _run()).status == "ok"
    assert check_convergence(_run(training_tokens=50_000), told).status == "warn"
    assert check_convergence(_run(), _run()).status == "skipped"
    assert amount_of_training(_run()).as_record() is None


def test_a_loaded_run_brings_its_training_record(tmp_path: Path) -> None:
    save(Dictionary(W_dec=torch.eye(3), W_enc=torch.eye(3), activation_fn=ReLU()), tmp_path / "run")
    record = {"history": [{"fvu": 1.0}] * 10}
    (tmp_path / "run" / "training_record.json").write_text(json.dumps(record))
    loaded = load(str(tmp_path / "run"))
    assert check_convergence(loaded, loaded).value == 0


def test_the_screen_says_how_much_the_runs_were_shown() -> None:
    long, short = (
        {"training": amount_of_training(_run(_record(shown=n))).as_record()}
        for n in (12_000_000, 400_000)
    )
    assert shown_in_training([long, long]) == (
        "   shown in training: 12M tokens, 120,000 a latent, 100,000 distinct"
    )
    assert "400,000 to 12M tokens, 4,000 to 120,000 a latent" in shown_in_training([long, short])
    assert "1 of the 2 runs does not say" in shown_in_training([long, {"training": None}])
    assert shown_in_training([{"training": None}, {}]) == ""
