"""Runs and their matches: what comparisons of two and studies of many start from."""
