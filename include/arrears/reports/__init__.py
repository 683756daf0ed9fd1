"""What people read at 08:00: key figures, the digest mail and the work lists. Nothing here sends or decides."""
