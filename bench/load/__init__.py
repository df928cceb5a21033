"""The load: one process on a core of its own that speaks to a server through plain sockets and epoll.

Frames are made beforehand, and what comes back is counted by its length, so that the load costs less than the server.
"""
