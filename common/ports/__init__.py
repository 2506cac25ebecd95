"""What the services need from the outside, as abstract classes whose docstrings are the contract."""
