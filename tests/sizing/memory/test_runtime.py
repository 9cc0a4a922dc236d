from fitwright.sizing import devices
from fitwright.sizing.memory.runtime import workspace_bytes


def test_cublas_workspace_by_generation():
    """torch's default is :4096:2:16:8, that is 2 × 4,096 KiB + 8 × 16 KiB, and 32 MiB on Hopper."""
    assert workspace_bytes(devices.find("a100-80gb")) == (2 * 4096 + 8 * 16) * 1024
    assert workspace_bytes(devices.find("t4")) == (2 * 4096 + 8 * 16) * 1024
    assert workspace_bytes(devices.find("h100-sxm")) == 32 * 2**20
    assert workspace_bytes(devices.find("cpu")) == 0
