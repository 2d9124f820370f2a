"""Results for people and programs: terminal, JSON and page."""
