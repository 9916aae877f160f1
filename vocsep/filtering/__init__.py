"""From expected powers to stems: soft masks, what corrects them, and Wiener filtering of the recording."""
