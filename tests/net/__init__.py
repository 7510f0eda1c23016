"""A network in virtual time, and stories about the data path told over it."""
