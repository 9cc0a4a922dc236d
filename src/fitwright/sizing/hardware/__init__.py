"""What this machine has: its processor, the limits of its container, its NVIDIA cards. No torch."""
