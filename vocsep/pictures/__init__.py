"""Pictures of pitches and scores, for the terminal and as files."""
