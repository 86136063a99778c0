"""What is said of two runs, be they the only two or two of many."""
