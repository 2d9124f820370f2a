"""The facility-location problem: values, bounds and local search."""
