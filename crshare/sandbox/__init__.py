"""Functions called in a confined process of their own, where a file can do no harm."""
