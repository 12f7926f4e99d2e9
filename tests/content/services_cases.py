"""Settings of mailbox access, fetched mail, webmail, web sites, the firewall and cron, and the lines they make."""

from __future__ import annotations

DOVECOT, RC, CRONTAB = "/etc/dovecot/dovecot.conf", "/etc/fetchmailrc", "/etc/crontab"
HTTPD, MASQ = "/etc/httpd/conf/httpd.conf", "/etc/rc.d/init.d/masq"
HORDE, IMP = "/home/httpd/html/horde/config", "/home/httpd/html/horde/imp/config"
CONFIG, CONTROL = "/var/service/qpsmtpd/config", "/var/qmail/control"
IFCFG = "/etc/sysconfig/network-scripts/ifcfg"
PROVIDER = "SecondaryMailServer pop.isp.net SecondaryMailAccount office SecondaryMailPassword pw"
MULTIDROP = f"config setprop fetchmail status enabled Method multidrop {PROVIDER}"
SCAN = "config setprop clamav FilesystemScan daily FilesystemScanFilesystems"
PROXY = "db domains set mail.dom.ain domain TemplatePath ProxyPassVirtualHosts ProxyPassTarget"
INTERNAL = "config set InternalInterface interface Name eth0"

#: Commands, a file, lines it then has, and lines (or, after a "~", pieces of lines) it has not.
SETTINGS: dict[str, tuple[str, str, list[str], list[str]]] = {
    "imap-limits": (
        "config setprop imap ConcurrencyLimit 50 ConcurrencyLimitPerIP 20 ProcessMemoryLimit 64000000",
        "/var/service/imap/config",
        ["INSTANCES=50", "INSTANCES_PER_IP=20", "ulimitdata=64000000"],
        ["~=400"],
    ),
    "imaps-has-imaps-limits": (
        "config setprop imap ConcurrencyLimitPerIP 20",
        "/var/service/imaps/config",
        ["INSTANCES=400", "INSTANCES_PER_IP=20", "ulimitdata=128000000"],
        [],
    ),
    "etrn": (
        f"config setprop fetchmail status enabled Method etrn {PROVIDER}",
        RC,
        ['poll "pop.isp.net" with proto ETRN', '  fetchdomains "example.com"', '    "test.com"'],
        ["~POP3", "~pw"],
    ),
    "standard-method": (MULTIDROP + " Method standard", RC, ['set postmaster "postmaster@example.com"'], ["~poll"]),
    "fetchmail-off": (MULTIDROP + " status disabled", "/etc/fetchmail", ["collect() {"], ["collect"]),
    "fetchmail-on": (MULTIDROP, "/etc/fetchmail", ["collect"], []),
    "fetchmail-port": (
        MULTIDROP + " SecondaryMailServer pop.isp.net:995 SecondaryMailEnvelope Received SSL enabled",
        RC,
        ['poll "pop.isp.net" with proto POP3 service 995 envelope "Received"', "  ssl"],
        [],
    ),
    "cron-as-delivered": (
        MULTIDROP,
        CRONTAB,
        [
            "*/15 8-17 * * 1-5 root /etc/startmail",
            "0 0-7,18-23 * * 1-5 root /etc/startmail",
            "0 * * * 6-7 root /etc/startmail",
            "# disabled",
        ],
        ["~clamscan"],
    ),
    "cron-frequencies": (
        MULTIDROP + " FreqOffice every5min FreqOutside every2hrs FreqWeekend never",
        CRONTAB,
        ["*/5 8-17 * * 1-5 root /etc/startmail", "0 0-7/2,18-23/2 * * 1-5 root /etc/startmail"],
        ["~6-7"],
    ),
    "cron-half-hours": (
        MULTIDROP + " FreqOffice every2hrs FreqOutside every30min FreqWeekend every2hrs",
        CRONTAB,
        [
            "0 8-17/2 * * 1-5 root /etc/startmail",
            "*/30 0-7,18-23 * * 1-5 root /etc/startmail",
            "0 */2 * * 6-7 root /etc/startmail",
        ],
        [],
    ),
    "cron-without-fetchmail": ("", CRONTAB, ["MAILTO=root"], ["~startmail"]),
    "scan-weekly": (
        SCAN + " /srv FilesystemScan weekly FilesystemScanReportTo boss@x.org",
        CRONTAB,
        ["MAILTO=boss@x.org"],
        [],
    ),
    "webmail-title": (
        "config setprop horde Name 'MyDomain Mail'",
        f"{HORDE}/registry.php",
        ["    'name' => _(\"MyDomain Mail\"),"],
        ['~Horde")'],
    ),
    "webmail-title-unset": ("", f"{HORDE}/registry.php", ["    'name' => _(\"Horde\"),"], []),
    "webmail-administrator": (
        "config setprop horde Administration enabled",
        f"{HORDE}/conf.php",
        ["$conf['auth']['admins'] = array('admin@example.com');"],
        [],
    ),
    "webmail-no-administrator": ("", f"{HORDE}/conf.php", [], ["~admins"]),
    "webmail-attachments": (
        "config setprop horde inlineHTML false Limitinlinesize 5",
        f"{IMP}/mime_drivers.php",
        ["$mime_drivers['imp']['html']['inline'] = false;", "$mime_drivers['imp']['html']['limit_inline_size'] = 5;"],
        [],
    ),
    "webmail-needs-https": (
        "config setprop horde status enabled",
        HTTPD,
        ["    RewriteRule ^/(webmail|horde)(/.*)?$ https://%{SERVER_NAME}/$1$2 [R,L]", "    Require local"],
        ["    Require all granted"],
    ),
    "webmail-for-all": ("config setprop horde status enabled access public", HTTPD, ["    Require all granted"], []),
    "webmail-off": ("", HTTPD, [], ["~Alias", "~horde"]),
    "host-of-a-domain": (
        "db hosts set www.test.com host HostType Self",
        HTTPD,
        ["    ServerName test.com", "    ServerAlias www.test.com"],
        [],
    ),
    "web-for-local-networks": (
        "config setprop httpd-e-smith access private",
        HTTPD,
        ["        Require ip 192.168.1.1/255.255.255.0", "        Require ip 10.0.0.0/255.255.0.0"],
        [],
    ),
    "no-https": ("config setprop modSSL status disabled", HTTPD, ["# modSSL is disabled: no https"], ["~*:443"]),
    "firewall": ("", MASQ, ['        tcp dport 25 accept comment "smtpd"', "            10.0.0.0/16,"], ["~dport 143"]),
    "firewall-imap": (
        "config setprop imap access public TCPPort 1143",
        MASQ,
        ['        tcp dport 1143 accept comment "imap"'],
        [],
    ),
    "firewall-no-smtp": (
        "config setprop smtpd access private",
        MASQ,
        [],
        ['        tcp dport 25 accept comment "smtpd"'],
    ),
    "smtp-proxy": (
        "config setprop smtpd Proxy transparent TCPProxyPort 2525",
        MASQ,
        ["        ip saddr @local_networks ip daddr != @local_networks tcp dport 25 redirect to :2525"],
        ["~reject"],
    ),
    "hosts-allow": (
        "config setprop imap access public",
        "/etc/hosts.allow",
        ["ALL: 10.0.", "imap: ALL"],
        ["pop3: ALL"],
    ),
    "mutt": ("config set DomainName example.org", "/etc/Muttrc", ["set hostname='example.org'"], []),
    "pine": ("config set DomainName example.org", "/etc/pine.conf", ["user-domain=example.org"], []),
    "mtu": (
        f"{INTERNAL} MTU 1492 Configuration static IPAddress 10.0.0.1",
        f"{IFCFG}-InternalInterface",
        ["DEVICE=eth0", "MTU=1492", "BOOTPROTO=none", "IPADDR=10.0.0.1"],
        [],
    ),
    "no-mtu": (INTERNAL, f"{IFCFG}-InternalInterface", ["DEVICE=eth0"], ["~MTU"]),
    "patterns": (
        "db mailpatterns setprop exe-windows-1 Status enabled",
        f"{CONFIG}/signatures_patterns",
        ["TVqQAAMAA"],
        ["UEsDBBQA"],
    ),
    "black-senders": (
        "db wbl setprop badmailfrom spam@x.org Black @y.org Black",
        f"{CONTROL}/badmailfrom",
        ["@y.org", "spam@x.org"],
        [],
    ),
    "black-senders-for-qpsmtpd": (
        "db wbl setprop badmailfrom spam@x.org Black",
        f"{CONFIG}/badmailfrom",
        ["spam@x.org"],
        [],
    ),
    "white-hosts": ("db wbl setprop whitelisthosts 192.0.2. White", f"{CONFIG}/whitelisthosts", ["192.0.2."], []),
    "white-greetings": ("db wbl setprop whitelisthelo a.org White", f"{CONFIG}/whitelisthelo", ["a.org"], []),
    "white-senders": ("db wbl setprop whitelistsenders b@a.org White", f"{CONFIG}/whitelistsenders", ["b@a.org"], []),
}
