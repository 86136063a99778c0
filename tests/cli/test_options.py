"""Every option of a policy stands for one of its fields, with its default and its words."""

from __future__ import annotations

from dataclasses import fields

import click
import pytest

from universality.cli.compare import compare
from universality.cli.options import _OF_POLICY
from universality.cli.stability import stability
from universality.runs.policy import OPTIONS, POLICY_TAKES, Policy
from universality.validation import OneOf

_OWN = Policy()


def test_there_is_one_for_each_field_and_no_other() -> None:
    assert set(_OF_POLICY) == {field.name for field in fields(Policy)}


@pytest.mark.parametrize("command", [compare, stability], ids=["compare", "stability"])
def test_defaults_and_words_are_the_policys(command: click.Command) -> None:
    options = {one.name: one for one in command.params if isinstance(one, click.Option)}
    given = command.make_context("it", ["a", "b"]).params
    for name in set(options) & set(POLICY_TAKES):
        option, takes = options[name], POLICY_TAKES[name]
        assert OPTIONS[name] in option.opts
        assert given[name] in (None, getattr(_OWN, name))
        if isinstance(takes, OneOf):
            assert isinstance(option.type, click.Choice)
            assert set(option.type.choices) == set(takes.words)
