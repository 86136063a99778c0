"""Dictionaries run over caches of activations: codes, streamed, in memory or in a folder."""
