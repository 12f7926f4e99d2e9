"""Mail from the client to the mailbox: the cases that a real machine plays, and the programs that deliver."""

#: Prints all that the cases change, for a shell.
SETTINGS = "for name in configuration accounts domains; do db $name show; done; getent passwd"
