"""The move from SME Server: a made-up old server, and the commands of docs/sme-server.md typed on a new one."""
