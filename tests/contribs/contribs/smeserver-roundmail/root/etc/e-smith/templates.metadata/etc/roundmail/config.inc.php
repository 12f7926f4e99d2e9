UID="root"
GID="root"
PERMS=0640
