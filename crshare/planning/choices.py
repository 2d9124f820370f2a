"""What thresholds may follow. Imports nothing: a command line may ask."""

THRESHOLDS = RATES, LABELS = "rates", "labels"
