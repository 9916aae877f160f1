"""Recordings in and stems out: reading, decoding, writing, and files that are never half there."""
