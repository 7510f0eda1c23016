"""Webhooks: what happens in rooms, told to a backend by signed HTTP requests."""
