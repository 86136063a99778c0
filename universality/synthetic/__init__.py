"""Dictionaries and activations whose truth is known, for tests and studies."""

from universality.synthetic.directions import make_directions
from universality.synthetic.made_tokens import Tokens, draw_tokens
from universality.synthetic.truth import Truth, make_truth

__all__ = ["Tokens", "Truth", "draw_tokens", "make_directions", "make_truth"]
