"""Scores of separations and of pitch estimates against what is known of the recordings."""
