"""The compiled inner loops (numba) and what they need prepared; nothing here knows a Network."""
