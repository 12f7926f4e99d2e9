"""What is taken for a secret though no schema file says so, and what is not."""

from __future__ import annotations

import pytest

from esmith.schema.secrecy import is_findable, looks_secret
from tests.schema.kit import Desk

# fmt: off
SECRET = [
    "Password", "password", "PASSWORD", "passwd", "Passwd", "DbPassword", "HTTPProxyPassword", "rootpw", "RootPw",
    "pw", "mysqlpassword", "db_password", "db-passwd", "PassWord", "passphrase", "KeyPassphrase", "Pwd",
    "userpwd", "DBPWD", "secret", "ClientSecret", "client_secret", "clientsecret", "Secrets", "token",
    "AuthToken", "authtoken", "APIToken", "apikey", "api_key", "api-key", "APIKey", "ApiKey", "XApiKeyOld",
    "privatekey", "PrivateKey", "private_key", "credential", "Credentials", "AwsCredentials", "accesskey",
    "AccessKey", "PreSharedKey", "psk", "WifiPSK", "LdapPass", "smtp_pass", "pass", "SharedKey",
]
# fmt: on
# fmt: off
PLAIN = [
    "Secretary", "SecretaryName", "Tokenizer", "ProxyPass", "ProxyPassTarget", "PassThrough", "Passive", "Bypass",
    "Compass", "Key", "KeyFile", "Keyboard", "PublicKey", "Password@example.com", "passwordless@x",
    "Authentication", "User", "Monkey", "spwdx", "Credit", "Compassion", "Description",
]
# fmt: on


@pytest.mark.parametrize("name", SECRET)
def test_names_that_look_like_a_secret(name: str) -> None:
    """Password, secret, token, key of an interface and the like are found in any case and any way to write words."""
    assert looks_secret(name)


@pytest.mark.parametrize("name", PLAIN)
def test_names_that_do_not(name: str) -> None:
    """Words that only share letters with them are none; nor are addresses, which are names in lists."""
    assert not looks_secret(name)


@pytest.mark.parametrize(
    ("value", "findable"),
    [("tru5", True), ("tru", False), ("enabled", False), ("Disabled", False), ("true", False), ("", False)],
)
def test_values_to_look_for(value: str, findable: bool) -> None:
    """Only a value of four characters that is not that of a switch is looked for in texts."""
    assert is_findable(value) is findable


@pytest.fixture
def known(desk: Desk) -> Desk:
    """Return a desk whose schema files name some properties that look like secrets, and some that do not."""
    desk.file("t/rec.toml", '[properties.PasswordSet]\ntype = "yes/no"\n[properties.Plain]\ntype = "secret"\n')
    desk.file("t/@vpn.toml", '[properties.Token]\ntype = "text"\n')
    desk.file("t/open.toml", '[properties."*"]\ntype = "text"\n')
    desk.file("t/list.toml", '[properties."*"]\ntype = "choice"\nvalues = ["White", "Black"]\n')
    desk.file("t/sealed.toml", '[properties."*"]\ntype = "secret"\n')
    desk.file("t/DbPassword.toml", '[value]\ntype = "text"\n')
    desk.file("t/Plain.toml", '[value]\ntype = "secret"\n')
    desk.file("t/PasswordService.toml", 'type = "service"\n')
    return desk


@pytest.mark.parametrize(
    ("key", "prop", "value", "secret"),
    [
        ("rec", "PasswordSet", "tru5tno1", False),
        ("rec", "Plain", "x", True),
        ("rec", "Plain", "yes", True),
        ("rec", "OtherPassword", "tru5tno1", True),
        ("rec", "OtherPassword", "yes", False),
        ("rec", "OtherPassword", "", False),
        ("rec", "OtherPassword", None, True),
        ("rec", "Token", "tru5tno1", False),
        ("nosuch", "ApiKey", "tru5tno1", True),
        ("open", "bayes_sql_password", "tru5tno1", True),
        ("open", "bayes_sql_dsn", "tru5tno1", False),
        ("list", "password.example.com", "White", False),
        ("sealed", "anything", "x", True),
        ("MyPassword", "", "tru5tno1", True),
        ("MyPassword", "", "vpn", False),
        ("DbPassword", "", "tru5tno1", False),
        ("Plain", "", "x", True),
        ("PasswordService", "", "tru5tno1", False),
    ],
)
def test_the_schema_comes_first(known: Desk, key: str, prop: str, value: str | None, secret: bool) -> None:
    """What a schema file says about a property holds; only where none names it, its name and its value decide."""
    assert known.schema.may_be_secret("t", key, prop, value) is secret
