"""The search for a plan: damage, thresholds, candidates, and what is kept of them."""
