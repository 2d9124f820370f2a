"""Training of LUT networks with numpy and numba alone; nothing here knows TensorFlow."""
