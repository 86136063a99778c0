"""What stands behind a pair of latents: the texts on which they fire, and texts not yet seen."""
