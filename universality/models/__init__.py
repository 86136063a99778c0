"""Language models: loading them, and reading their hidden states with plain forward hooks."""
