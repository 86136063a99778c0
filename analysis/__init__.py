"""Studies: each a frozen configuration and `run(out)`; `python -m analysis.<name> --out DIR`."""
