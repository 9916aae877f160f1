"""Names that files can have on every system."""


def is_file_name(name: str) -> bool:
    """Whether a file may be called so on any system, without leaving its folder or hiding in it.

    >>> is_file_name("alto 2"), is_file_name("../alto")
    (True, False)
    """
    return bool(name) and not (
        name.startswith(".") or any(sign in '/\\:*?"<>|' or not sign.isprintable() for sign in name)
    )
