"""What a fresh root holds: the records and defaults of SME Server (docs/original.md#where-the-facts-come-from)."""

from __future__ import annotations

import pytest

from esmith.store.model import Record
from tests.schema.kit import Desk

#: Record of the configuration database, and its properties with their defaults; "-" for a property that is unset.
CONFIGURATION = {
    "qpsmtpd": "status=enabled access=public Bcc=disabled BccMode=cc BccUser=maillog DNSBL=disabled RHSBL=disabled "
    "RBLList=bl.spamcop.net,dnsbl-1.uceprotect.net,dnsbl-2.uceprotect.net,psbl.surriel.com,zen.spamhaus.org "
    "SBLList=multi.surbl.org,black.uribl.com,dbl.spamhaus.org URIBL=disabled "
    "UBLList=multi.surbl.org:8-16-64-128,black.uribl.com:2 HeloPolicy=lenient HeloReject=- "
    "Karma=disabled KarmaNegative=2 KarmaStrikes=3 DMARCReject=disabled DMARCReporting=enabled SPFRejectPolicy=0 "
    "DKIMSigning=disabled MaxLoad=7 MaxScannerSize=25000000 RelayRequiresAuth=enabled "
    "UnauthenticatedRelayClients=- TlsBeforeAuth=1 tlsCipher=- LogLevel=6 timeout=120 timeoutsmtpd=120 "
    "qplogsumm=disabled RequireResolvableFromHost=-",
    "sqpsmtpd": "status=enabled access=public",
    "smtpd": "status=enabled access=public TCPPort=25 TCPProxyPort=25 Instances=40 InstancesPerIP=5 "
    "VirusScan=enabled PatternsScan=disabled tnef2mime=enabled MaxDateOffset=0 Authentication=enabled "
    "Proxy=blocked disclaimer=- HeloHost=- Greeting=- Softlimit=- BccUser=no",
    "ssmtpd": "status=enabled access=public TCPPort=465 Instances=10 Authentication=enabled",
    "smtp-auth-proxy": "PeerPort=25 Debug=disabled Userid=- Passwd=-",
    "qmail": "status=enabled ConcurrencyLocal=- ConcurrencyRemote=- MaxMessageSize=15000000 DoubleBounceTo=- "
    "KeepLogFiles=10",
    "spamassassin": "status=enabled Sensitivity=- RejectLevel=0 SortSpam=- MessageRetentionTime=90 "
    "MaxMessageSize=500000 UseBayes=0 UseAutoWhitelist=0 OkLanguages=all OkLocales=all skip_rbl_checks=0",
    "spamd": "status=enabled",
    "clamav": "ArchiveBlockEncrypted=no Checks=24 DNSDatabaseInfo=current.cvd.clamav.net "
    "DatabaseMirror=db.local.clamav.net Debug=no DetectBrokenExecutables=no FilesystemScan=disabled "
    "FilesystemScanExclude=/proc,/sys,/usr/share,/var FilesystemScanFilesystems=/home/e-smith/files "
    "FilesystemScanReportTo=admin Foreground=yes HeuristicScanPrecedence=yes IdleTimeout=60 LeaveTemporaryFiles=no "
    "LogClean=no LogFileUnlock=yes LogTime=no LogVerbose=yes MaxAttempts=6 MaxConnectionQueueLength=30 "
    "MaxDirectoryRecursion=20 MaxFileSize=15M MaxFiles=1500 MaxRecursion=8 MaxThreads=20 Quarantine=disabled "
    "QuarantineDirectory=/var/spool/clamav/quarantine ReadTimeout=300 ScanArchive=yes ScanHTML=yes ScanMail=yes "
    "ScanOLE2=yes ScanPE=yes ScanRAR=no SelfCheck=1800 ShowProxySettings=no ShowUpdateSettings=no "
    "SignaturesUpdated=unknown UpdateOfficeHrs=disabled UpdateNonOfficeHrs=disabled UpdateWeekend=disabled "
    "status=enabled StreamMaxLength=- TCPAddr=- TCPSocket=- HTTPProxyServer=-",
    "clamd": "status=enabled MemLimit=4000000000",
    "freshclam": "status=enabled",
    "imap": "status=enabled access=private TCPPort=143 ConcurrencyLimit=400 ConcurrencyLimitPerIP=12 "
    "ProcessMemoryLimit=-",
    "imaps": "status=enabled access=private TCPPort=993 ConcurrencyLimit=- ConcurrencyLimitPerIP=-",
    "pop3": "status=enabled access=private TCPPort=110",
    "pop3s": "status=enabled access=private TCPPort=995",
    "php": "status=enabled AllowUrlFopen=Off MagicQuotes=-",
    "horde": "Name=- Administration=-",
    "imp": "status=enabled access=SSL",
    "fetchmail": "status=disabled Method=standard FreqOffice=every15min FreqOutside=everyhour "
    "FreqWeekend=everyhour SSL=disabled AuthenticationMethod=password SecondaryMailEnvelope=-",
    "httpd-e-smith": "status=enabled access=public TCPPort=80",
    "modSSL": "status=enabled access=public TCPPort=443",
}
SCALARS = {
    "DomainName": "example.com",
    "SystemMode": "servergateway",
    "SMTPSmartHost": "",
    "DelegateMailServer": "",
    "EmailUnknownUser": "returntosender",
}
ACCOUNTS = {
    "admin": Record("admin", "system", {}),
    "everyone": Record(
        "everyone",
        "pseudonym",
        {"Account": "shared", "Changeable": "no", "Removable": "no", "Visible": "internal"},
    ),
    **{
        key: Record(key, "pseudonym", {"Account": "admin", "Removable": "no"})
        for key in ("abuse", "anonymous", "mailer-daemon", "postmaster")
    },
    "admin_raidreport": Record("admin_raidreport", "pseudonym", {"Account": "admin", "Visible": "internal"}),
    "shared": Record("shared", "system", {}),
    "common": Record("common", "url", {}),
    "server-common": Record("server-common", "url", {}),
    "server-resources": Record("server-resources", "url", {}),
}


@pytest.mark.parametrize("key", CONFIGURATION)
def test_services(shipped: Desk, key: str) -> None:
    """A service's record is made with SME Server's defaults; what has only a fallback in a template is unset."""
    shipped.initialize()
    record = shipped.record("configuration", key)
    assert record is not None
    assert record.type == "service"
    expected = dict(word.split("=", 1) for word in CONFIGURATION[key].split())
    assert {name: record.props.get(name, "-") for name in expected} == expected


def test_every_property_of_sme_server_is_known(shipped: Desk) -> None:
    """SME Server's properties, with a default or without, are in the schema."""
    for key, words in CONFIGURATION.items():
        schema = shipped.schema.record("configuration", key, None)
        assert schema is not None
        names = {word.split("=")[0] for word in words.split()}
        assert names <= set(schema.properties), key


@pytest.mark.parametrize(("key", "value"), SCALARS.items())
def test_scalars(shipped: Desk, key: str, value: str) -> None:
    """A setting without properties has SME Server's default value."""
    shipped.initialize()
    assert shipped.record("configuration", key) == Record(key, value, {})


def test_accounts(shipped: Desk) -> None:
    """The accounts that every system has are there, and no others."""
    shipped.initialize()
    with shipped.store.snapshot() as snapshot:
        assert {record.key: record for record in snapshot.records("accounts")} == ACCOUNTS


def test_the_primary_domain(shipped: Desk) -> None:
    """The domain that DomainName names has a record; networks and hosts are empty."""
    shipped.initialize()
    with shipped.store.snapshot() as snapshot:
        assert snapshot.keys("domains") == ["example.com"]
        assert (snapshot.keys("networks"), snapshot.keys("hosts")) == ([], [])
        assert [record.type for record in snapshot.records("spamassassin")] == ["list", "list"]
