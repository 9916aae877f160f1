"""From F0 to music: notes, files that other programs read, scores, and how well in tune a choir is."""
