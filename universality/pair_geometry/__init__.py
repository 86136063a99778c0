"""How alike two spaces are arranged, seen through paired rows: no common basis is needed."""
