"""Many runs: which latents come back in run after run, and how sure that is."""
