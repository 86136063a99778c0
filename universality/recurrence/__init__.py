"""Many runs: families of latents, how sure, and widths."""
