"""Ground floor: errors, units, files, optional imports, progress, provenance. Imports nothing above."""
