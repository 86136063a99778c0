"""What chance gives: ways to draw a pair of independent runs, and the closed forms that exist."""
