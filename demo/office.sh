#!/bin/sh
# The main job on a small office, in a folder: usage office.sh FOLDER
# Shows each command as it is typed, and as a diff what it changed. Needs no root rights and may be run again.
set -eu

folder=$1
(umask 022 && mkdir -p "$folder")
ESMITH_ROOT=$(cd "$folder" && pwd)
export ESMITH_ROOT

say() { printf '\n# %s\n' "$*"; }

type_and_run() {
    printf '$ %s\n' "$*"
    "$@"
}

say "A root in the folder $folder: templates, events, databases with their defaults"
type_and_run esmith init --domain example.com --name mail

say "A small office: two domains, two networks, users, groups, pseudonyms"
config set LocalIP 192.168.1.1
config set LocalNetmask 255.255.255.0
config set GatewayIP 192.168.1.254
db domains setdefault test.com domain Description "Second domain"
db networks setdefault 192.168.1.0 network Mask 255.255.255.0 SystemLocalNetwork yes
db networks setdefault 10.0.0.0 network Mask 255.255.0.0
uid=5001
for user in tom jack john; do
    db accounts setdefault "$user" user EmailForward local Uid "$uid" Gid "$uid"
    uid=$((uid + 1))
done
db accounts setdefault office group Members tom,jack,john
db accounts setdefault sales pseudonym Account john
db accounts setdefault boss@test.com pseudonym Account tom
db accounts keys | tr '\n' ' '
echo
# From the same state every time, so that a second run shows the same changes.
config setprop qpsmtpd DNSBL disabled RHSBL disabled
rm -f "$ESMITH_ROOT/etc/e-smith/templates-custom/var/qmail/control/queuelifetime"
# As at the first boot of a machine: all files are made.
signal-event bootstrap-console-save
echo "$(find "$ESMITH_ROOT/etc" "$ESMITH_ROOT/var/qmail" "$ESMITH_ROOT/var/service" -type f ! -path '*/e-smith/*' | wc -l) configuration files of qmail, qpsmtpd, clamd, spamassassin and php are in $folder"

say "Change a setting, and let it take effect"
type_and_run config setprop qpsmtpd DNSBL enabled
type_and_run signal-event --diff email-update

say "The same event again: nothing changed, so nothing is written"
type_and_run signal-event --diff email-update

say "An override in templates-custom survives every upgrade"
mkdir -p "$ESMITH_ROOT/etc/e-smith/templates-custom/var/qmail/control"
printf '$ %s\n' "echo 172800 > $folder/etc/e-smith/templates-custom/var/qmail/control/queuelifetime"
echo 172800 > "$ESMITH_ROOT/etc/e-smith/templates-custom/var/qmail/control/queuelifetime"
type_and_run expand-template --diff /var/qmail/control/queuelifetime

say "What is left to do: expand-template adjusts no service, the next event does"
printf '$ esmith status\n'
esmith status || true
type_and_run signal-event email-update
type_and_run esmith status

say "Who changed what, and back again (esmith undo NUMBER)"
type_and_run esmith history --limit 1

say "Look around in $folder, with: export ESMITH_ROOT=$ESMITH_ROOT PATH=$(dirname "$(command -v esmith)"):\$PATH"
