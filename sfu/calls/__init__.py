"""Group calls: members who publish and receive over one or two peer connections, and the descriptions of these."""
