"""What builds, checks and tests the project. Nothing here is installed with the server."""
