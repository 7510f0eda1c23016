"""Sluice from behind every kind of NAT and firewall: who connects, by which way, and how soon."""
