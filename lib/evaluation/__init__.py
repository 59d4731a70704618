"""Metrics, result rows, tables, figures and the report."""
