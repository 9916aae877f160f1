"""Multi-F0 estimation and its assignment to voices."""

DEFAULT_REFINE = 1  # refinements at each voice; stands here so that the command line need not load networks
