"""The control plane: HTTP, tokens, settings, metrics, the command line. No media passes here."""
