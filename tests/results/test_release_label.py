"""Labels: read back as written, refused when damaged, held against demands, told apart."""

from __future__ import annotations

import copy
import json

import pytest

from tests.made_label import made_label, made_rule_row, made_run_record
from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.report.label_page import label_page
from universality.results.label_difference import label_difference
from universality.results.release_label import (
    Label,
    beaten_floors,
    check_label_page,
    read_label,
)
from universality.results.requirements import Demands, requirements


def met(label: Label, **demands) -> dict[str, bool]:
    return {one.text: one.met for one in requirements(label, Demands(**demands))}


def test_a_label_is_read_as_it_was_written(tmp_path) -> None:
    made_label().save(tmp_path / "label.json")
    assert read_label(tmp_path / "label.json").content == made_label().content
    assert read_label(tmp_path / "label.json").names == ("one", "two")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", "universality.label/2"),
        ("validity", None),
        ("validity", {"valid": "yes", "reasons": []}),
        ("runs", {}),
        ("runs", [{"name": "x", "d_sae": 0}]),
        ("runs", [{"name": "x", "d_sae": 5, "dead": "none"}]),
        ("rules", [{"rule": "paulo2025", "value": 1.0}]),
        ("rules", [made_rule_row("paulo2025", "share", "much")]),
        ("rules", [made_rule_row("paulo2025", "share", 0.5, floors=[1])]),
    ],
)
def test_what_is_no_label_is_refused_by_name(tmp_path, key, value) -> None:
    path = tmp_path / "label.json"
    path.write_text(json.dumps(made_label().content | {key: value}))
    with pytest.raises(FormatError, match=r"label\.json"):
        read_label(path)


def test_files_that_are_none(tmp_path) -> None:
    with pytest.raises(MissingFileError):
        read_label(tmp_path / "absent.json")
    for text in ("", "[]", "{", '{"schema": 3}', "\x00"):
        (tmp_path / "odd.json").write_text(text)
        with pytest.raises(FormatError):
            read_label(tmp_path / "odd.json")


def test_demands_are_met_or_not_and_say_what_was_found() -> None:
    label = made_label()
    assert met(label) == {"valid": True}
    assert met(label, least={"paulo2025": 0.4}) == {"valid": True, "paulo2025 at least 0.4": True}
    assert not met(label, least={"paulo2025": 0.41})["paulo2025 at least 0.41"]
    assert met(label, most={"gerasimov2026:stable share": 0.1})[
        "gerasimov2026:stable share at most 0.1"
    ]
    assert met(label, max_dead=0.3)["dead latents at most 0.3"]
    assert not met(label, max_dead=0.29)["dead latents at most 0.29"]
    assert not met(label, max_fvu=0.2)["FVU at most 0.2"]
    assert met(label, min_tokens=1_000_000)["at least 1,000,000 tokens in training"]
    assert not met(label, min_tokens=1_000_001)["at least 1,000,001 tokens in training"]
    (_, skipped) = requirements(label, Demands(least={"lan2024": 0.1}))
    assert not skipped.met
    assert "no activations" in skipped.found


def test_what_is_unknown_meets_nothing() -> None:
    silent = made_label(runs=[made_run_record("one", fvu=None, training=None, duplicated=None)])
    assert not met(silent, max_fvu=10.0)["FVU at most 10"]
    assert not met(silent, max_duplicated=1.0)["latents with a twin at most 1"]
    assert not met(silent, min_tokens=0)["at least 0 tokens in training"]


def test_validity_is_always_asked_for_unless_it_is_let_go() -> None:
    reasons = [{"check": "same_weights", "message": "one run twice"}]
    void = made_label(validity={"valid": False, "reasons": reasons})
    (one,) = requirements(void, Demands())
    assert (one.met, one.found) == (False, "one run twice")
    assert requirements(void, Demands(allow_invalid=True)) == []
    assert '<p class="fail">One run twice.' in label_page(void)


def test_above_floors_counts_the_null_and_leaves_ceilings_out() -> None:
    label = made_label()
    assert beaten_floors(label.content["rules"][0]) == (["null", "frozen_decoder"], [])
    assert beaten_floors(label.content["rules"][1]) == (["null"], ["frozen_decoder"])
    found = met(label, above_floors=True, least={"paulo2025": 0.0, "gerasimov2026": 0.0})
    assert found["paulo2025 above its floors"]
    assert not found["gerasimov2026 above its floors"]


def test_a_rule_that_the_label_lacks_is_an_error_that_lists_what_it_has() -> None:
    with pytest.raises(InvalidInputError, match="no 'song2025'; it has paulo2025:share of latents"):
        requirements(made_label(), Demands(least={"song2025": 0.1}))
    with pytest.raises(InvalidInputError, match="it has gerasimov2026:mean stability"):
        requirements(made_label(), Demands(least={"gerasimov2026:mean": 0.1}))


def test_differences_are_lines_and_none_where_nothing_differs() -> None:
    old = made_label()
    assert label_difference(old, made_label()) == []
    content = copy.deepcopy(old.content)
    content["runs"][0] = made_run_record("one", seed=7, dead=0.5)
    content["runs"][1]["name"] = "three"
    content["rules"][0]["value"] = 0.5
    content["rules"][3] = made_rule_row("lan2024", "RSA", 0.3)
    content["validity"] = {"valid": False, "reasons": [{"check": "x", "message": "alike"}]}
    lines = label_difference(old, Label(content))
    assert lines == [
        "validity: valid -> not valid",
        "  fails now: alike",
        "run two: gone",
        "run three: new",
        "run one: seed 0 -> 7",
        "run one: dead 0.0200 -> 0.5000",
        "paulo2025, share of latents: 0.4000 -> 0.5000 (+0.1000, +10.0 sd of its null)",
        "lan2024, RSA: no number -> 0.3000",
    ]


def test_the_page_holds_the_numbers_escapes_texts_and_is_known_again(tmp_path) -> None:
    text = label_page(made_label(runs=[made_run_record("<script>alert(1)</script>")]))
    assert "<script>" not in text
    assert "0.4000" in text
    assert "no activations (--activations)" in text
    assert "not above frozen_decoder" in text
    (tmp_path / "label.html").write_text(text)
    check_label_page(tmp_path / "label.html")
    (tmp_path / "other.html").write_text("<html></html>")
    with pytest.raises(FormatError, match="no page of a label"):
        check_label_page(tmp_path / "other.html")
