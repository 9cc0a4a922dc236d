"""placeholder, replaced by the catalogue work."""
def models() -> None:
    """List the catalogue."""
