"""The server: scores for who asks, pages for who looks, over the functions of the command line and the DAGs."""
