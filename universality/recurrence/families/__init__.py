"""Families of latents: what recurs over runs."""
