"""How many features there are, and how much of them some runs hold, as ecologists count species."""
