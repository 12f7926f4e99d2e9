"""What an entry of a list means to the program that reads it, and how it is written so (docs/daemons.md#lists)."""

#: The lists that are known. ``config setprop`` needs no more than the names of most of them.
LISTS = (
    "badhelo",
    "badmailfrom",
    "badrcptto",
    "dnsbl_zones",
    "relayclients",
    "rhsbl_zones",
    "spamassassin",
    "trusted_networks",
    "uribl_zones",
    "whitelisthelo",
    "whitelisthosts",
    "whitelistsenders",
)
