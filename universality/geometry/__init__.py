"""The geometry of sets of directions."""
