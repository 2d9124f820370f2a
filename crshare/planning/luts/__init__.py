"""Plans of LUT networks: nodes replaced by what they resemble on calibration images."""
