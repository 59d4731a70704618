"""Training: updates, schedule, solver and checkpoints."""
