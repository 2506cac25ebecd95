"""The command line, over the asynchronous client."""
