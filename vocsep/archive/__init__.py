"""A whole archive: one task a recording, on the processes of this machine or of a cluster, resumable."""
