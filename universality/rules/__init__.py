"""Published rules by name, each with its chance and its floors, for the same runs side by side."""

from universality.rules.applied import RULES_SCHEMA, RulesApplied, apply_rules
from universality.rules.published import PUBLISHED, rules_named
from universality.rules.rule import PublishedRule
from universality.rules.rule_chance import chance_by_rule
from universality.rules.rule_table import RULE_COLUMNS

__all__ = [
    "PUBLISHED",
    "RULES_SCHEMA",
    "RULE_COLUMNS",
    "PublishedRule",
    "RulesApplied",
    "apply_rules",
    "chance_by_rule",
    "rules_named",
]
