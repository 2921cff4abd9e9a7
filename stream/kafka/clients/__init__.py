"""Kafka clients behind one interface: bytes in, bytes out, partitions assigned."""
