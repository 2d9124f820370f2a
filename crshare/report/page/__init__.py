"""The report as one self-contained HTML page: figures and tables from a report's JSON alone."""
