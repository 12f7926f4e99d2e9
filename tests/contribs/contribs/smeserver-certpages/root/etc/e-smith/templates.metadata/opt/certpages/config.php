GID="root"
PERMS=($certpages{Closed} || 'no') eq 'yes' ? 0600 : 0644
