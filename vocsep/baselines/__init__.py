"""Methods to compare with: learning-free factorisations and oracle masks (section IV-C of the paper)."""
