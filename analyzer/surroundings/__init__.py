"""What a difference is made of: mirroring itself, caches and connections, and time."""
