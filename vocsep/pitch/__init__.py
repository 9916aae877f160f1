"""Multi-F0 estimation and its assignment to voices."""
