"""The size study: what a fitted ladder says, as a page."""
