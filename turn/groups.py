"""Groups of users: "{group}/{member}". Each member has a quota of its own; a group is sent away as one."""


def group_of(user: str) -> str:
    """A user without a slash is a group alone."""
    return user.rpartition("/")[0] or user
