"""heliograph."""
