"""The solver: the exact assignment of any similarity, without its matrix."""
