"""Labelled images, checked against what a network expects."""
