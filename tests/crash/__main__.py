"""``python -m tests.crash``: attacks commands, and prints a table of what was tried and what went wrong.

python -m tests.crash --quick               a sample: a minute
python -m tests.crash                       10,000 kills: ``make crash``
python -m tests.crash --only setprop        one command; repeat it for others
python -m tests.crash --only restore --one-in 5
                                            a fifth of its trials, of each kind as many
python -m tests.crash --only setprop --at 9 --error ENOSPC --next recover
                                            one trial, with everything that is printed
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from pathlib import Path

from tests.crash import campaign, report, seccomp
from tests.crash.attack import ERRORS, SIGNALS, Attack
from tests.crash.judge import Trial
from tests.crash.scenarios import EVENT, RECOVER, SAME, SCENARIOS


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description="Attack commands.")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--quick", action="store_true", help="a sample that takes a minute")
    parser.add_argument("--only", action="append", choices=names, help="one command; repeat it for others")
    parser.add_argument("--one-in", type=int, default=1, metavar="N", help="only one in N of the trials; default: 1")
    parser.add_argument("--seed", type=int, default=1, help="another one draws others; default: 1")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes; default: all")
    parser.add_argument("--json", type=Path, help="write there what the table has")
    one = parser.add_argument_group("one trial")
    one.add_argument("--at", type=int, help="the number of the call")
    one.add_argument("--after", type=float, help="instead of --at: after how many seconds the group is killed")
    one.add_argument("--error", choices=ERRORS, default="", help="the error; default: a kill")
    one.add_argument("--signal", choices=SIGNALS, default="", help="the signal; default: SIGKILL")
    one.add_argument("--lasting", action="store_true", help="all later calls get the error as well")
    one.add_argument("--group", action="store_true", help="kill the whole process group")
    one.add_argument("--next", choices=(SAME, RECOVER, EVENT), default="", help="what is run next")
    one.add_argument("--second", type=int, default=0, help="the call of that at which it is killed, too")
    one.add_argument("--calls", action="store_true", help="only list the calls")
    return parser.parse_args()


def main() -> int:
    """Return the exit code: 1 when something is wrong."""
    options = _options()
    if why := seccomp.why_not():
        print(f"not possible here: {why}")
        return 2
    if os.geteuid() != 0:
        print("needs root: owners of files are compared")
        return 2
    chosen = [one for one in SCENARIOS if not options.only or one.name in options.only]
    with campaign.Workshop(chosen) as workshop:
        if options.at or options.after or options.calls:
            return _try_one(workshop, options)
        parts = [campaign.Part(one, 0, 1, options.quick, options.seed) for one in chosen]
        if not options.quick:
            count = options.jobs * options.one_in
            parts = [campaign.Part(one, k, count, False, options.seed) for one in chosen for k in range(options.jobs)]
        with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
            tables: dict[str, report.Table] = {}
            for table in pool.imap_unordered(workshop.play, parts, chunksize=1):
                print(f"  {table.summary}", file=sys.stderr, flush=True)
                known = tables.setdefault(table.name, table)
                if known is not table:
                    known.add(table)
    ordered = [tables[one.name] for one in chosen]
    print(report.render(ordered))
    if options.json:
        options.json.write_text(report.as_json(ordered))
    return 1 if any(map(report.unknown, ordered)) else 0


def _try_one(workshop: campaign.Workshop, options: argparse.Namespace) -> int:
    (scenario,) = workshop.scenarios
    ring = workshop.ring(scenario)
    try:
        if options.calls:
            print("\n".join(f"{number:5} {site}" for number, site in enumerate(ring.clean.sites, 1)))
            return 0
        attack = Attack(
            options.at or 0,
            options.error,
            options.signal,
            lasting=options.lasting,
            whole_group=options.group,
            after=options.after or 0.0,
        )
        trial = Trial(attack, options.next or scenario.next[0], Attack(options.second))
        outcome = ring.judge(trial, talk=print)
        print(f"{scenario.name}: {trial}\nat: {outcome.site}\nexit code: {outcome.code}")
        if outcome.site is None and not options.after:
            print(f"nothing was attacked: the command has {len(ring.clean.sites)} calls")
            return 1
        print("\n".join(f"WRONG {text}" for text in outcome.wrong) or "all is well")
    finally:
        ring.close()
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
