"""Runs a network on packed bits."""
