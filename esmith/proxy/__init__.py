"""The service ``smtp-auth-proxy``: qmail hands it outgoing mail, and it hands that to the provider, with a login.

qmail-remote(8) can neither log in nor encrypt. The proxy listens on 127.0.0.1 alone, and passes a mail on while the
client waits: it says 250 when the provider did, and keeps no mail. What it does with each answer is in
docs/daemons.md#the-smtp-proxy.
"""
