"""What every module may use, and what knows nothing of the rest: errors, settings, files, processes."""
