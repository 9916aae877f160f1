"""Everything that learns: one loop, and one file for each network, its training examples and its loss."""
