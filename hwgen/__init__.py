"""Netlists to hardware: imports nothing of crshare and nothing of solver (tests/test_layers.py)."""
