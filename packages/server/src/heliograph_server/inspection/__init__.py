"""What happened between peers, and who may watch it."""
