"""What an operator sees and sets: health, metrics, logs, limits."""
