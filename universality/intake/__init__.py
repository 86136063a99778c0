"""What comes from outside - files and names - and the guard that stands before all of it."""
