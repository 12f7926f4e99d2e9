"""The settings of the small office the page's examples take for granted. Standard library only."""

from __future__ import annotations

USERS = ("jack", "john", "someoneuser", "tom", "user1")

COMMANDS = """\
config set LocalIP 192.168.1.1
config set LocalNetmask 255.255.255.0
config set GatewayIP 192.168.1.254
config set ExternalIP 203.0.113.5
config set InternalInterface interface Name eth0 Configuration static IPAddress 192.168.1.1 Netmask 255.255.255.0
db domains set test.com domain
db domains set mail.dom.ain domain
db domains set domain.com domain
db networks set 192.168.1.0 network Mask 255.255.255.0 SystemLocalNetwork yes
db networks set 10.0.0.0 network Mask 255.255.0.0
db accounts set group1 group Members tom,jack,john,user1
db accounts set group2 group Members john
db accounts set sales pseudonym Account john
db accounts set boss@test.com pseudonym Account john
"""
