"""The search for patterns: groups of filters, and the few patterns that their inputs take."""
