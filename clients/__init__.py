"""Real WHIP and WHEP clients on aiortc: `sluice publish` and `sluice watch`."""
