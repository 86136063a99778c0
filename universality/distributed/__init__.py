"""One comparison or study cut into tiles that any number of processes fill, in any order."""
