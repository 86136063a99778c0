"""Training sparse autoencoders on a cache, over seeds and widths, so that runs can be compared."""
