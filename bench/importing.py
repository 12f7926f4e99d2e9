"""``esmith import`` of large databases, and what is read from them afterwards."""

from __future__ import annotations

from pathlib import Path

from bench import roots
from bench.rows import Figures
from bench.workshop import Measured, Workshop

SIZES = (10_000, 100_000)
#: How often the large lists are printed.
_ROUNDS = 3


def make_files(folder: Path, accounts: int) -> Path:
    """Write the accounts of a made-up server as a database file of the original, and return its folder.

    :param accounts: how many; a third of them are users, each with two pseudonyms, as the original makes them.
    """
    folder.mkdir()
    with (folder / "accounts").open("w") as file:
        for number in range(accounts // 3):
            user = f"user{number}"
            file.write(
                f"{user}=user|City|Ottawa|Company|XYZ|EmailForward|local|FirstName|First{number}|ForwardAddress||"
                f"Gid|{5000 + number}|LastName|Last{number}|PasswordSet|yes|Phone|555-5555|Uid|{5000 + number}|"
                "VPNClientAccess|no\n"
            )
            for separator in "._":
                file.write(
                    f"first{number}{separator}last{number}=pseudonym|Account|{user}|Changeable|yes|Removable|yes\n"
                )
        for number in range(accounts % 3):
            file.write(f"more{number}=pseudonym|Account|admin\n")
    return folder


def imported(shop: Workshop, accounts: int, figures: Figures | None = None) -> Path:
    """Return a root into which accounts were imported.

    :param figures: what gets the figures of the import, when it is done now.
    """

    def fill(root: Path) -> None:
        files = make_files(shop.folder / f"files-{accounts}", accounts)
        found = shop.compare(shop.command(root, "esmith", "import", str(files)), rounds=1)
        if figures is not None:
            figures.update(found)

    return shop.root(f"imported-{accounts}", fill)


def measure(shop: Workshop) -> Measured:
    """Measure imports and the history after them, and the lists of a large database."""
    for size in SIZES:
        figures: Figures = {}
        root = imported(shop, size, figures)
        yield f"import-{size}", figures
        yield f"history-{size}", shop.compare(shop.command(root, "esmith", "history"), rounds=_ROUNDS)
    root = imported(shop, SIZES[-1])
    flat = shop.flat_file(root, "accounts")
    for verb in ("print", "show", "keys"):
        original = shop.original.task(flat, verb) if shop.original else None
        least = shop.least("keys" if verb == "keys" else "rows", str(root / roots.DATABASE), "accounts")
        ours = shop.command(root, "db", "accounts", verb)
        yield f"{verb}-{SIZES[-1]}", shop.compare(ours, original, _ROUNDS, least)
