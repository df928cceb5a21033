"""What is on AWS, and how it is spoken to."""
