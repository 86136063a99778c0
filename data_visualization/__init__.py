"""Paper figures: each reads results that a study saved; run as `python -m data_visualization.x`."""
