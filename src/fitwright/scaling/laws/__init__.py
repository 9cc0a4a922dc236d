"""The forms that a law can take. Each is a :class:`fitwright.scaling.laws.interface.Law`."""
