"""How much a backend may say at once."""

# What fits into a message of a data channel (64 KiB), with the rest of the packet.
MAX_PAYLOAD = 60_000
MAX_TOPIC = 256
# Participants named in one request; without names it is for everybody.
MAX_DESTINATIONS = 1_000
