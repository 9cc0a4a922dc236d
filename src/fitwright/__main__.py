"""``python -m fitwright``."""

from fitwright.cli.main import main

if __name__ == "__main__":
    main()
