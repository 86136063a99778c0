"""Toy models of superposition, where the features are known, and autoencoders on them."""
