"""The application: front ends (`cli`), what they show (`present`), and the engine they stand on."""
