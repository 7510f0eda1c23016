"""`sluice doctor`: which ways to a server work from here, how fast, and what to change about those that do not."""
