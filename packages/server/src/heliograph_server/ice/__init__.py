"""STUN and TURN: what peers need to find a way to each other."""
