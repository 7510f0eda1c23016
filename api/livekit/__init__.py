"""The LiveKit protocol: its client SDKs' way into our rooms."""
