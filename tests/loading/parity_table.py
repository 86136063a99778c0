"""The table of formats in docs/formats.md: python -m tests.loading.parity_table [--write].

Every number is the greatest difference found now between this package and the recorded outputs.
With FIXTURES set to another folder, the recordings made there are used (see tests/live_parity.sh).
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import universality as un
from tests.loading.fixtures import CASES, about, address, difference, expected, how
from universality.loading.formats import BARE_DECODER, FORMATS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
START, END = "<!-- parity: start -->", "<!-- parity: end -->"
HEAD = """| format | written by | cases | parity with | difference in codes | in reconstruction |
|---|---|---|---|---|---|"""


def measured(case: str) -> tuple[float | None, float | None]:
    """Greatest differences of codes and reconstruction; None where only directions exist."""
    theirs = expected(case)
    dictionary = un.load(address(case), **how(case))
    if "codes" not in theirs:
        gap = difference(dictionary.directions("decoder"), theirs["W_dec"])
        if gap:
            raise SystemExit(f"{case}: directions differ by {gap}")
        return None, None
    codes = dictionary.encode(theirs["x"])
    reconstruction = dictionary.decode(codes, theirs["x"])
    return difference(codes, theirs["codes"]), difference(reconstruction, theirs["reconstruction"])


def table() -> str:
    """One row per format and oracle, in the order of the formats' list."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for case in CASES:
        name = un.load(address(case), **how(case)).source.format
        groups[name, about(case)["oracle"]].append(case)
    order = [kind.name for kind in (*FORMATS, BARE_DECODER)]
    rows = sorted(groups, key=lambda group: (order.index(group[0]), group[1]))
    return "\n".join([HEAD, *(_row(name, oracle, groups[name, oracle]) for name, oracle in rows)])


def _row(name: str, oracle: str, cases: list[str]) -> str:
    gaps = [measured(case) for case in cases]
    codes = [gap for gap, _ in gaps if gap is not None]
    rebuilt = [gap for _, gap in gaps if gap is not None]
    shown = [f"{max(part):.1e}" if part else "directions only" for part in (codes, rebuilt)]
    writers = " / ".join(sorted({about(case)["written_by"] for case in cases}))
    return f"| `{name}` | {writers} | {len(cases)} | {oracle} | {shown[0]} | {shown[1]} |"


def main() -> None:
    """Print the table, or write it into the document."""
    text = table()
    if "--write" not in sys.argv:
        print(text)  # noqa: T201
        return
    head, _, rest = DOCUMENT.read_text().partition(START)
    tail = rest.partition(END)[2]
    DOCUMENT.write_text(f"{head}{START}\n{text}\n{END}{tail}")


if __name__ == "__main__":
    main()
