"""The report: one HTML file that shows an evaluation and needs nothing else, not even a network."""
