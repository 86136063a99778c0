"""Caches of activations on disk: collecting them from a model, reading them in any order."""
