"""Separation methods, ours and those to compare with (section IV-C of the paper), and their registry."""
