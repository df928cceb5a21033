"""What `heliograph worker` serves: Python functions, and commands of the operating system."""
