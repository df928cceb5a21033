"""Where peers meet: rooms, and the stores that keep them."""
