"""Caches that other libraries write, read as our own: one module per format."""
