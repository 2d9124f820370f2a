"""A network, with or without a plan, as streaming hardware."""
