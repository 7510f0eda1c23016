"""What every test shares: properties are judged by what they find, never by how fast a busy machine is."""

from hypothesis import settings

settings.register_profile("sluice", deadline=None, print_blob=True)
settings.load_profile("sluice")
