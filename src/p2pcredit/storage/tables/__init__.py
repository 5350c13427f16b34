"""Delta tables of the lake: commits by span, partitions by month, receipts of complete days."""
