"""The capture log: what the recorder reads, in the order in which it happened.

1. `frames`   the records, and their bytes
2. `segment`  a file of frames: header with a UUID, checksummed frames, torn tails
3. `writer`   byte-bounded queue -> file, by a thread of its own (`disk`); the loop never touches the disk
4. `sealing`  encrypts what is written, if the configuration says so; on that thread
5. `board`    the memory-mapped counters of a worker; they survive its death
"""
