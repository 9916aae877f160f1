"""The source model, section III-A of the paper: excitation, vocal-tract filter, voice."""
