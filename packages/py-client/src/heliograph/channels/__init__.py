"""Data channels, and what is said on them."""
