"""How sure numbers over runs are."""
