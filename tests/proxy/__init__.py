"""The service smtp-auth-proxy: real sockets, a provider of the test, and the real program between them."""
