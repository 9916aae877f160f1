"""What a network adds to the masks: it sees the mixture beside what is expected of every voice."""
