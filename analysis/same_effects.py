"""Do pairs that look the same do the same? Two shipped seeds, taken away from their language model.

    python -m analysis.same_effects --model MODEL --out analysis/results/same_effects

MODEL is SmolLM2-135M-Instruct. Writes `effects.csv`, one row per sampled pair and random pair, as
`universality compare --effects MODEL` has them, and `summary.json` with the means by similarity.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

from universality.comparison import Policy, compare
from universality.storage.json_output import write_json

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / "pretrained" / "smollm2-135m.blocks.8.hook_resid_post"


@final
@dataclass(frozen=True)
class Settings:
    """What decides the numbers."""

    a: str = "w2304-s0"
    """The first seed."""
    b: str = "w2304-s1"
    """The second."""
    n_pairs: int = 50
    """Pairs, drawn evenly over classes of decoder cosine and two halves of frequency."""


def run(model: str, out: Path, settings: Settings) -> None:
    """Compare, and write what the pairs do."""
    found = compare(
        RUNS / settings.a,
        RUNS / settings.b,
        Policy(views=("decoder", "activations"), nulls=("geometry",), n_draws=2, held_out=False),
        activations=RUNS / "activations",
        effects=model,
        effect_pairs=settings.n_pairs,
    )
    assert found.effects is not None
    out.mkdir(parents=True, exist_ok=True)
    found.effects.to_csv(out / "effects.csv", index=False, float_format="%.5g")
    write_json(found.summary["effects"] | {"settings": asdict(settings)}, out / "summary.json")
    print(found.summary["effects"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    run(given.model, given.out, Settings())
