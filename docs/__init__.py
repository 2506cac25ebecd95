"""The documentation, and the program that writes the generated parts of it (`python -m docs.generate`)."""
