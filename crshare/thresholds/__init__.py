"""Batch normalisation and sign as exact integer thresholds."""
