"""Multi-F0 estimation and its assignment to voices."""

# These stand here so that the command line need not load networks.
DEFAULT_REFINE = 1  # refinements of each voice
MOST_VOICES = 8  # the configurations of more cannot be listed, and no training mixture had more
