"""The way of a recording, chunk by chunk, to the stems that are written."""
