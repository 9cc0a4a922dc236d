"""Reports: one self-contained page and its Markdown twin, and plain tables. Standard library only."""
