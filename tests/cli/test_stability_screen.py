from pathlib import Path

import pytest

from universality.cli.stability_screen import stability_screen

RULES = ("decoder", "encoder", "activations", "decoder_and_encoder")


def _summary(n_steps: int) -> dict:
    """As much as can be said at once."""
    names = [f"a-run-with-a-long-name-{number}" for number in range(9)]
    family = {"n": 12_345, "in_all_runs_fraction": 0.5, "with_soft": {"in_all_runs_fraction": 0.6}}
    cycles = {"mean": 0.5, "null": 0.01, "coverage": 1.0}
    step = {
        "narrow": names[0],
        "wide": names[1],
        "n_narrow": 100,
        "n_wide": 200,
        "narrow_grades": {"same": 50, "split": 30, "none": 20},
        "wide_grades": {"same": 50, "novel": 150},
        "novel_known": True,
        "null_split_fraction": 0.01,
    }
    outlier = {"run": names[3], "difference": 0.1, "p_value": 0.01}
    return {
        "n_runs": 9,
        "runs": [{"name": name} for name in names],
        "pairs": [
            {"a": a, "b": b, "view": view}
            for i, a in enumerate(names)
            for b in names[i + 1 :]
            for view in RULES[:3]
        ],
        "missing_pairs": [f"{names[0]}-{names[1]}"],
        "null": {"name": "geometry; tokens"},
        "families": dict.fromkeys(RULES, family),
        "cycle_consistency": dict.fromkeys(RULES, cycles),
        "widths": [step] * n_steps,
        "agreement": {"decoder_encoder": {"mean": 0.8, "null": 0.1}},
        "jackknife": {"agreement.decoder_encoder": {"low": 0.7, "high": 0.9}},
        "only_in_one": [{"n_runs": n, "fraction": 1 / n} for n in range(2, 10)],
        "headline_rule": "decoder_and_encoder",
        "policy": {"threshold": 0.7},
        "outlying_run": {f"mean_{rule}": outlier for rule in RULES},
        "checks": [{"status": "warn", "message": "word " * 50}] * 5,
    }


def test_numbers_fit_a_screen_and_warnings_follow_whole() -> None:
    lines = stability_screen(_summary(1), Path("out")).splitlines()
    warned = next(place for place, line in enumerate(lines) if line.startswith("WARN"))
    assert warned <= 26
    assert max(map(len, lines)) <= 80
    assert " ".join(lines).count("word") == 5 * 50
    assert "…" not in " ".join(lines)
    assert lines[-1] == "Report: out/report.html"
    assert "36 pairs matched, null: geometry; tokens" in lines
    text = " ".join(" ".join(lines).split())
    assert "50% same, 30% split (null 1%), 20% none; 75% of the wider novel" in text


def test_a_long_ladder_is_cut_and_says_so() -> None:
    lines = stability_screen(_summary(5), Path("out")).splitlines()
    assert sum("same" in line for line in lines) == 2
    assert "and 3 more steps of the ladder" in lines
    assert "and 1 more step of the ladder" in stability_screen(_summary(3), Path("out"))


@pytest.mark.parametrize(("columns", "widest"), [("50", 50), ("90", 90), ("200", 100)])
def test_sentences_are_as_wide_as_the_window_up_to_a_hundred(
    monkeypatch: pytest.MonkeyPatch, columns: str, widest: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = stability_screen(_summary(1), Path("out")).splitlines()
    words = [line for line in lines if line.startswith(("WARN", "     word"))]
    assert widest - 5 < max(map(len, words)) <= widest
