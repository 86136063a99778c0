"""The shipped list of known runs: every address is one, and every format is one we read."""

from __future__ import annotations

from universality.loading import hub
from universality.loading.formats import format_named
from universality.registry import known_sets


def test_every_member_has_a_hub_address_or_lies_in_this_checkout() -> None:
    for run_set in known_sets():
        assert run_set.members
        for member in run_set.members:
            assert "://" not in member.address or str(hub.parse(member.address)) == member.address


def test_every_named_format_is_one_we_read() -> None:
    for run_set in known_sets():
        if run_set.format is not None:
            format_named(run_set.format)


def test_names_are_unique_and_facts_have_a_source() -> None:
    names = [run_set.name for run_set in known_sets()]
    assert len(names) == len(set(names))
    assert all(run_set.source for run_set in known_sets())
