"""Stand-ins for programs that are not here, reach out, or wait for somebody at the keyboard: each logs its call."""

from __future__ import annotations

import os
from pathlib import Path

#: Logs the call and succeeds.
LOGGED = """\
#!/bin/sh
echo "$(basename "$0")" "$@" >> "$PAGE_LOG"
"""

#: Keeps the state of services as runsv would, in NAME/supervise/status; see esmith/services/directory.py.
SV = r"""#!/bin/sh
program=$(basename "$0")
case $1 in -w) shift 2 ;; esac
word=${1#-}
name=$(basename "$2")
case $program$word in
    svt | svct) word=term ;; sv1 | svc1) word=usr1 ;; sv2 | svc2) word=usr2 ;; sva | svca) word=alarm ;;
    svu | svcu) word=start ;; svd | svcd) word=stop ;; svh | svch) word=hup ;;
esac
echo "$name $word" >> "$PAGE_SERVICES"
status=$PAGE_SERVICE/$name/supervise/status
[ -d "${status%/*}" ] || { echo "$program: fail: $2: unable to change to service directory" >&2; exit 1; }
case $word in
    start | restart | term)
        want=u number=$(( $(cat "$PAGE_COUNTER") + 1 ))
        echo $number > "$PAGE_COUNTER" ;;
    stop) want=d number= ;;
    *) exit 0 ;;
esac
# A pid above every real one, so that nothing is ever signalled.
pid='\0\0\0\0'
[ -z "$number" ] || pid=$(printf '\\%03o\\%03o\\160\\0' $((number % 256)) $((number / 256)))
printf "\100\0\0\0\145\0\0\0\0\0\0\0$pid\0$want\0\1" > "$status"
"""

#: The editor: the text typed becomes the file.
NANO = """\
#!/bin/sh
for file do :; done
cat "$PAGE_TYPED" > "$file"
"""

#: Like tail, but does not wait for more.
TAIL = """\
#!/bin/sh
[ "$1" != -f ] || { echo tail "$@" >> "$PAGE_LOG"; shift; }
exec /usr/bin/tail "$@"
"""

TAI64NLOCAL = """\
#!/bin/sh
exec cat
"""

#: Sets no MTU: the card is that of the machine that plays the tests, and the program may be missing (package iproute2).
IP = """\
#!/bin/sh
exit 0
"""

#: On the PATH before everything else. tai64nlocal only where the real one is missing.
COMMANDS = {
    "tracepath": LOGGED,
    "yum": LOGGED,
    "perldoc": LOGGED,
    "sv": SV,
    "svc": SV,
    "nano": NANO,
    "tail": TAIL,
    "setup_dkim.sh": LOGGED,
    "ip": IP,
}
#: Never the real ones, by any path.
DANGEROUS = ("reboot", "shutdown", "halt", "poweroff", "init", "telinit", "systemctl")
#: At a path of their own.
PLACED = {"/usr/bin/yum": LOGGED}


def write_shims(folder: Path, *, chown: bool) -> None:
    """Write the stand-ins for a PATH.

    :param chown: whether chown is one of them: only root may, and only a machine has the accounts.
    """
    commands = {**COMMANDS, **dict.fromkeys(DANGEROUS, LOGGED)}
    if chown:
        commands["chown"] = LOGGED
    for name, text in commands.items():
        write_program(folder / name, text)
    fallback = folder.with_name("fallback")
    write_program(fallback / "tai64nlocal", TAI64NLOCAL)


def write_program(path: Path, text: str) -> None:
    """Write an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.chmod(path, 0o755)
