"""From mixture and F0 to the parameters of the source models: section III-B of the paper."""
