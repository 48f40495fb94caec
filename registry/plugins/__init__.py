"""Components, and the plugins that bring them."""
