"""The roles of a service and what starts them."""
