"""Mail from the client to the mailbox: the cases that a real machine plays, and the programs that deliver."""
