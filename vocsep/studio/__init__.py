"""The local web application: a recording is heard, seen, corrected by hand and separated again."""
