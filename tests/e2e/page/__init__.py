"""Stories of the demo page, each on a desk and on a phone."""
