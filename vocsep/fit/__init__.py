"""``vocsep fit``: the user's folder of recordings, and the run that learns from it."""
