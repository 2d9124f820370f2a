"""The sharing plan: as a value, as a file, and what it costs."""
