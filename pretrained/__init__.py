"""Dictionaries that ship with the repository, and the recipes that made them."""
