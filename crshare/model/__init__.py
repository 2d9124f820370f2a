"""A model file as one value, and a changed one back into a copy of its file."""
