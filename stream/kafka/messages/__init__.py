"""From the bytes of messages to rows, and from predictions to messages."""
