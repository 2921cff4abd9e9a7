"""Which labels belong together: a hierarchy of label clusters that follows a stream."""
