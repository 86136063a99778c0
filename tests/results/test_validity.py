"""What failed checks take away from a result, wherever it is read."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.made_results import made_comparison, made_stability
from universality.figures import figures_of, share_against_threshold
from universality.report import page
from universality.results import answer_of, judge, validity_of, withdrawal, withdrawn
from universality.results.validity import NO_EVIDENCE

CHECKS = [
    {"id": "same_weights", "status": "ok", "message": "other weights"},
    {"id": "convergence", "status": "warn", "message": "trained little"},
    {"id": "shared_initialisation", "status": "fail", "message": "the runs started alike: 60%"},
    {"id": "dataset", "status": "skipped", "message": "unknown"},
]
REASON = "The runs started alike: 60%."
SAID = ["Most of it is the same."]


def test_only_what_failed_voids() -> None:
    assert judge(CHECKS[:2] + CHECKS[3:]) == {"valid": True, "reasons": []}
    found = judge(CHECKS)
    assert found["valid"] is False
    assert found["reasons"] == [
        {"check": "shared_initialisation", "message": "the runs started alike: 60%"}
    ]


def test_an_answer_begins_with_the_reason_and_marks_every_number() -> None:
    void = {"validity": judge(CHECKS)}
    said = withdrawn(void, ["Of 10 latents half match.", "Matched one to one, they are alike."])
    assert said[0] == REASON
    assert said[1:] == [
        f"{NO_EVIDENCE.capitalize()}: of 10 latents half match.",
        f"{NO_EVIDENCE.capitalize()}: matched one to one, they are alike.",
    ]
    assert withdrawal(void) == f"{REASON} What follows is {NO_EVIDENCE}."
    valid = {"validity": judge([])}
    assert withdrawn(valid, ["One."]) == ["One."]
    assert withdrawal(valid) == ""


def test_a_result_of_an_earlier_version_is_judged_by_its_checks() -> None:
    old = {"checks": CHECKS, "answer": ["Of 10 latents half match."]}
    assert not validity_of(old)["valid"]
    assert answer_of(old)[0] == REASON
    assert validity_of({}) == {"valid": True, "reasons": []}
    new = {"validity": judge([]), "answer": ["As it was written."], "checks": CHECKS}
    assert answer_of(new) == ["As it was written."]


def _sound(result):
    """The made results hold a failed check; here as though it had passed."""
    return replace(result, summary=result.summary | {"validity": judge([]), "answer": SAID})


def _void(result):
    void = {"validity": judge(CHECKS)}
    return replace(result, summary=result.summary | void | {"answer": withdrawn(void, SAID)})


def test_pages_and_paragraphs_for_papers_begin_with_the_reason() -> None:
    for made in (made_comparison(), made_stability()):
        assert '<p class="fail">' not in page(_sound(made))
        text = page(_void(made))
        assert 0 < text.index('<p class="fail">') < text.index("<h2>")
    for made in (made_comparison(), made_stability()):
        assert REASON not in _sound(made).citation()
        assert _void(made).citation().startswith(REASON)


def test_every_figure_of_a_void_result_carries_the_reason() -> None:
    for made in (made_comparison(), made_stability()):
        for result, wanted in ((_sound(made), False), (_void(made), True)):
            draws = figures_of(result)
            assert draws
            for draw in draws.values():
                with mpl.rc_context():
                    figure = Figure()
                    draw(figure.subplots())
                title = figure.get_suptitle().replace("\n", " ")
                assert (REASON in title) == (NO_EVIDENCE in title) == wanted


def test_a_figure_function_called_by_itself_carries_the_reason() -> None:
    for result, wanted in ((_sound(made_comparison()), False), (_void(made_comparison()), True)):
        with mpl.rc_context():
            figure = Figure()
            share_against_threshold(ax=figure.subplots(), comparison=result)
        assert (REASON in figure.get_suptitle().replace("\n", " ")) == wanted
