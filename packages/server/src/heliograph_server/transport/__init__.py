"""How bytes move. Nothing here knows what they mean."""
