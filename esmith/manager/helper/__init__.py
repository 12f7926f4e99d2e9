"""The process of root: it answers the web process at a socket, one verb a request, and knows who is logged in."""
