"""Selective forwarding: rooms, negotiation, DTLS, and the native data path they steer."""
