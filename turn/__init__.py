"""STUN and TURN: requests, authentication and allocations. What is relayed moves in the data path."""
