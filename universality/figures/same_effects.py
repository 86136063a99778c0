"""Do pairs that look the same do the same? From the sample that `compare --effects` measured."""

from __future__ import annotations

from matplotlib.axes import Axes

from universality.figures.direct_names import name_lines
from universality.figures.style import (
    AXES,
    COLOURS,
    LABELS,
    TWO_RUNS,
    dot,
    needs,
    plain_axes,
    thin,
)
from universality.results import Comparison
from universality.validation import takes


@takes(comparison=TWO_RUNS, ax=AXES)
@needs("pairs taken away from a model (--effects)", lambda result: result.effects is not None)
def effects_against_similarity(comparison: Comparison, ax: Axes) -> Axes:
    """How alike the two latents of a pair change the next tokens, against how alike they look.

    Dots: sampled pairs, and in grey random pairs of equal frequency, each at the similarity of the
    pair that it stands beside. Lines: the means of both by class of similarity. Pairs of which one
    latent does nothing have no dot.
    """
    assert comparison.effects is not None
    view = comparison.summary["effects"]["view"]
    kinds = (("random", "random pairs", COLOURS["null"]), ("matched", "pairs", COLOURS[view]))
    for kind, name, colour in kinds:
        rows = comparison.effects[comparison.effects["kind"] == kind].dropna(subset=["ablation"])
        cloud = ax.scatter(
            rows["similarity"], rows["ablation"], s=2 * dot(), color=colour, linewidths=0, alpha=0.6
        )
        cloud.set_gid(kind)
        means = rows.groupby("similarity_class")[["similarity", "ablation"]].mean()
        ax.plot(means["similarity"], means["ablation"], color=colour, label=f"{name}, mean")
    ax.axhline(0, color=COLOURS["null"], linestyle=":", linewidth=thin()).set_gid("nothing alike")
    ax.set_ylim(top=1.02)
    name_lines(ax)
    return plain_axes(ax, x=f"{LABELS[view]} similarity of the pair", y="similarity of effects")
