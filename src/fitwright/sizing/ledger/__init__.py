"""What was predicted on this machine beside what was then measured, and the intervals that follow from it."""
