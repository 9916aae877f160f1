"""One voice sung again in another way, and the recording put together anew."""
