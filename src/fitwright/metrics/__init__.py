"""Quality metrics and the intervals around every measured number. numpy only."""
