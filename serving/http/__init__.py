"""HTTP: the application, its routes and middleware, and the way of a request through them."""
