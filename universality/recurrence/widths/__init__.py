"""Runs of several widths, one step at a time."""
