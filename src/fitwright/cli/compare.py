"""placeholder, replaced by the catalogue work."""
def compare() -> None:
    """List the catalogue."""
