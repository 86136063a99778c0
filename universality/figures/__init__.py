"""Figures from results: each function takes a result and an `Axes`, draws, and returns the axes."""

from universality.figures.comparison import (
    decoder_against_encoder,
    matched_similarity,
    share_against_threshold,
)

__all__ = ["decoder_against_encoder", "matched_similarity", "share_against_threshold"]
