"""Many nodes as one: every room has one home node, and all other nodes are doors to it."""
