"""Networks as people have them, in network namespaces: NATs, firewalls, an internet in between."""
