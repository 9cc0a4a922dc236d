"""The command line: one small file per verb. Only this package prints."""
