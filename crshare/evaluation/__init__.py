"""Evaluation of a plan on images, and of the reader against the library that wrote the file."""
