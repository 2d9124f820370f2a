"""Model files as layers: containers, configurations, and what each class computes."""
