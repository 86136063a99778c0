"""Sparse maps between the features of two layers: fitted, judged, read, compared."""
