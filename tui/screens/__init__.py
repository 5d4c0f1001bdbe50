"""One file a screen, its style sheet beside it. Screens do not know each other; the app does."""
