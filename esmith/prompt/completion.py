"""Completion for bash, zsh and fish: the script of each shell, and the program that all of them ask.

Nothing that the program answers is ever evaluated: bash splits it at the ends of lines, with ``set -f``, zsh adds it
with ``compadd``, fish takes the lines that a function prints. ``mapfile`` of bash would read a pipe byte by byte. zsh
and fish quote what they insert; for bash the program has quoted it (:func:`esmith.prompt.line.bash_words`).
"""

from __future__ import annotations

import shlex

from esmith.layout import Layout
from esmith.setup.shipped import script_of
from esmith.setup.trees import COMPLETION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.prompt.declaration import Declaration

SHELLS = ("bash", "zsh", "fish")
#: The program that the shells ask.
PROGRAM = f"{COMPLETION}/esmith-complete"
#: Where each shell looks for what completes a command; a shell that is not installed does not mind.
_PLACES = {
    "bash": "/usr/local/share/bash-completion/completions/{}",
    "zsh": "/usr/local/share/zsh/site-functions/_esmith",
    "fish": "/usr/share/fish/vendor_completions.d/{}.fish",
}
_BASH = """\
# Completion of the commands of e-smith for bash. To have it in this shell, source it.
_esmith_complete() {
    local program=PROGRAM IFS=$'\\n'
    local -a lines
    local -
    COMPREPLY=()
    [ -x "$program" ] || return 0
    set -f
    lines=($({
        printf '%s\\0' bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" | "$program"
    } 2>/dev/null))
    case ${lines[0]-} in
    files) compopt -o default ;;
    dirs) compopt -o dirnames ;;
    nospace) compopt -o nospace ;;
    esac
    COMPREPLY=("${lines[@]:1}")
}
complete -F _esmith_complete COMMANDS
"""
_ZSH = """\
#compdef COMMANDS
# Completion of the commands of e-smith for zsh.
_esmith() {
    local program=PROGRAM
    local -a lines names shown how
    [[ -x $program ]] || return 1
    lines=("${(@f)$({
        printf '%s\\0' zsh "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" | "$program"
    } 2>/dev/null)}")
    case ${lines[1]} in
    files) compset -P '*='; _files; return ;;
    dirs) compset -P '*='; _files -/; return ;;
    nospace) how=(-S '') ;;
    words) ;;
    *) return 1 ;;
    esac
    shift lines
    names=("${(@)lines%%$'\\t'*}")
    if [[ ${(j::)lines} == ${(j::)names} ]]; then
        compadd "${how[@]}" -a names
    else
        shown=("${(@)lines/$'\\t'/  -- }")
        compadd "${how[@]}" -l -d shown -a names
    fi
}
if [[ ${funcstack[1]} == _esmith ]]; then
    _esmith "$@"
else
    compdef _esmith COMMANDS
fi
"""
_FISH = """\
# Completion of the commands of e-smith for fish.
function __esmith_complete
    set -l program PROGRAM
    test -x "$program"; or return
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l plain (string unescape -- $current 2>/dev/null; or string trim -l -c '"\\'' -- $current)
    set -l lines (printf '%s\\0' fish $words "$plain" 2>/dev/null | "$program" 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path "$current"
        case dirs
            __fish_complete_directories "$current" ''
        case words nospace
            set -e lines[1]
            printf '%s\\n' $lines
    end
end
for name in COMMANDS
    complete -c $name -f -a '(__esmith_complete)'
end
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str, program: str, names: Sequence[str]) -> str:
    """Return the script of a shell.

    :param shell: one of :data:`SHELLS`.
    :param program: the path of the program that it asks.
    :param names: of the commands.
    """
    quoted = _quoted_for_fish(program) if shell == "fish" else shlex.quote(program)
    return _SCRIPTS[shell].replace("COMMANDS", " ".join(names)).replace("PROGRAM", quoted)


def completion_files(layout: Layout, declarations: Sequence[Declaration], table: str) -> dict[str, bytes]:
    """Return the files of completion, as paths of this disk.

    :param declarations: of the commands.
    :param table: the same as :func:`esmith.prompt.table.text_of` gives it.
    :raises InstallError: when a Python package is missing.
    """
    names = [declaration.words[0] for declaration in declarations]
    found = {layout.under(PROGRAM): script_of("esmith.prompt.answer:main", table)}
    for shell, place in _PLACES.items():
        # No shell looks below a root folder, and the files of a root are the same wherever it is.
        text = script(shell, PROGRAM, names).encode()
        # bash and fish look for a file of the name of the command when it is first completed.
        found |= {layout.under(place.format(name)): text for name in names}
    return found


def _quoted_for_fish(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
