"""The chance that one more run of the same recipe has a latent, from one run or two."""
