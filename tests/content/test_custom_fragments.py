"""What an administrator drops into templates-custom, and where it appears (docs/page.md, by the numbers there)."""

from __future__ import annotations

from tests.commands import Root

LOCAL_CF = "/etc/mail/spamassassin/local.cf"
CONFIG = "/var/service/qpsmtpd/config"
OUTSIDE = f"{CONFIG}/peers/0"
LOCAL = f"{CONFIG}/peers/local"
QUEUELIFETIME = "/var/qmail/control/queuelifetime"


def _place(lines: list[str], begin: str) -> int:
    (found,) = (number for number, line in enumerate(lines) if line.startswith(begin))
    return found


def test_own_scores_come_before_the_lists_of_senders(office: Root) -> None:
    """20localscores stands between the stock lines and the lists; without it all is as before.

    docs/page.md, blocks 8 and 10.
    """
    office.db("spamassassin", "setprop", "wbl.global", "*@vonage.com", "White")
    office.expand(LOCAL_CF)
    before = office.read(LOCAL_CF)
    scores = office.custom(f"{LOCAL_CF}/20localscores", "score SARE_ADULT2 20.000\nscore FREEMAIL_FROM (-1)\n")
    office.expand(LOCAL_CF)
    lines = office.lines(LOCAL_CF)
    place = _place(lines, "score SARE_ADULT2 20.000")
    assert lines[place + 1] == "score FREEMAIL_FROM (-1)"
    assert _place(lines, "trusted_networks") < place < _place(lines, "whitelist_from")
    assert lines[:place] + lines[place + 2 :] == before.splitlines()
    scores.write_text("score SARE_ADULT2 20.000\n" * 2)
    office.expand(LOCAL_CF)
    assert office.lines(LOCAL_CF).count("score SARE_ADULT2 20.000") == 2
    scores.unlink()
    office.expand(LOCAL_CF)
    assert office.read(LOCAL_CF) == before


def test_another_spf_line_replaces_the_stock_one(office: Root) -> None:
    """A custom 30spf takes the place of the stock line, in peers/0 only.

    docs/page.md, block 11.
    """
    local = office.read(LOCAL)
    office.custom(f"{OUTSIDE}/30spf", "sender_permitted_from spf_deny 1\n")
    office.expand(OUTSIDE)
    found = [line for line in office.lines(OUTSIDE) if line.startswith("sender_permitted_from")]
    assert found == ["sender_permitted_from spf_deny 1"]
    assert office.read(LOCAL) == local


def test_the_header_check_is_taken_out_by_its_old_name(office: Root) -> None:
    """A comment named 17check_basicheaders takes the place of the headers line, where asked for.

    docs/page.md, blocks 37 and 38.
    """
    comment = "# 17check_basicheaders disabled by custom template"
    office.custom(f"{LOCAL}/17check_basicheaders", comment + "\n")
    office.expand(LOCAL)
    office.expand(OUTSIDE)
    lines = office.lines(LOCAL)
    assert lines[_place(lines, comment) - 1].startswith("# 16require_resolvable_fromhost")
    assert not [line for line in lines if line.startswith("headers")]
    assert "headers require From,Date reject 1" in office.lines(OUTSIDE)
    office.custom(f"{OUTSIDE}/17check_basicheaders", comment + "\n")
    office.expand(OUTSIDE)
    lines = office.lines(OUTSIDE)
    assert lines[_place(lines, comment) - 1] == "resolvable_fromhost"
    assert not [line for line in lines if line.startswith("headers")]


def test_a_queue_lifetime_in_one_file(office: Root) -> None:
    """A custom flat file is the whole file, to the byte; without it the stock one is back.

    docs/page.md, block 41.
    """
    custom = office.custom(QUEUELIFETIME, "172800\n")
    office.expand(QUEUELIFETIME)
    assert office.read(QUEUELIFETIME) == "172800\n"
    assert office.file(QUEUELIFETIME).stat().st_mode & 0o7777 == 0o644
    custom.unlink()
    office.expand(QUEUELIFETIME)
    assert office.read(QUEUELIFETIME) == "604800\n"


def test_copies_of_outgoing_mail_only(office: Root) -> None:
    """The stock 13bcc, copied and edited, speaks for peers/0; peers/local keeps the stock line.

    docs/page.md, block 46.
    """
    stock = office.read(f"/etc/e-smith/templates{OUTSIDE}/13bcc")
    assert " all " in stock
    office.custom(f"{OUTSIDE}/13bcc", stock.replace(" all ", " outgoing "))
    office.config("setprop", "qpsmtpd", "Bcc", "enabled", "BccMode", "bcc")
    office.expand(OUTSIDE)
    office.expand(LOCAL)
    assert "bcc mode bcc outgoing maillog" in office.lines(OUTSIDE)
    assert "bcc mode bcc all maillog" in office.lines(LOCAL)


def test_the_authentication_of_outside_copied_for_local_clients(office: Root) -> None:
    """A copy of the stock 05auth_cvm_unix_local under peers/local gives the line it has anyway.

    docs/page.md, block 59.
    """
    before = office.read(LOCAL)
    office.custom(
        f"{LOCAL}/05auth_cvm_unix_local", office.read(f"/etc/e-smith/templates{OUTSIDE}/05auth_cvm_unix_local")
    )
    office.expand(LOCAL)
    assert office.read(LOCAL) == before


def test_relaying_from_the_network_denied_whatever_is_set(office: Root) -> None:
    """A comment for 80relayFromLocalNetwork keeps the networks out, whatever RelayRequiresAuth is.

    docs/page.md, block 61.
    """
    comment = "# SMTP Relay from local network denied by custom template"
    office.custom(f"{CONFIG}/relayclients/80relayFromLocalNetwork", comment + "\n")
    office.config("setprop", "qpsmtpd", "RelayRequiresAuth", "disabled")
    before = office.lines(f"{CONFIG}/relayclients")
    office.expand(f"{CONFIG}/relayclients")
    assert office.lines(f"{CONFIG}/relayclients") == [*before, comment]


def test_a_plugin_linked_from_the_store_of_fragments(office: Root) -> None:
    """A fragment of config/plugins, linked into peers, appears there; the file plugins stays.

    docs/page.md, blocks 69 and 70.
    """
    before = office.read(f"{CONFIG}/plugins")
    stored = office.custom(f"{CONFIG}/plugins/31check_badmailfromto", "check_badmailfromto\n")
    for place in (OUTSIDE, LOCAL):
        link = office.file(f"/etc/e-smith/templates-custom{place}/31check_badmailfromto")
        link.parent.mkdir(parents=True)
        link.symlink_to(stored)
    office.signal("email-update")
    lines = office.lines(OUTSIDE)
    assert _place(lines, "sender_permitted_from") < _place(lines, "check_badmailfromto") < _place(lines, "dkim")
    lines = office.lines(LOCAL)
    assert lines[_place(lines, "check_badmailfromto") - 1] == "badmailfrom"
    assert _place(lines, "check_badmailfromto") < _place(lines, "badrcptto")
    assert office.read(f"{CONFIG}/plugins") == before


def test_a_file_that_is_only_a_template_begin(office: Root) -> None:
    """badmailfromto holds just the lines of its template-begin, with their tabs and no banner.

    docs/page.md, block 71.
    """
    pairs = "john@aol.com\tmary@yourdomain\npeter@msn.com\tmary@yourdomain\n"
    office.custom("/var/qmail/control/badmailfromto/template-begin", pairs)
    office.expand("/var/qmail/control/badmailfromto")
    assert office.read("/var/qmail/control/badmailfromto") == pairs


def test_signing_is_added_just_before_the_spam_filter(office: Root) -> None:
    """69dkim_sign in peers/local stands directly before what 70spamassassin gives, and there only.

    docs/page.md, block 78.
    """
    office.custom(f"{LOCAL}/69dkim_sign", "dkim_sign keys dkim\n")
    office.expand(LOCAL)
    office.expand(OUTSIDE)
    lines = office.lines(LOCAL)
    assert lines[_place(lines, "dkim_sign keys dkim") + 1] == "# 70spamassassin disabled for local connections"
    assert not [line for line in office.lines(OUTSIDE) if line.startswith("dkim_sign")]
