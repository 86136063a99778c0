"""The chance that one more run has a latent that some of n runs have."""
