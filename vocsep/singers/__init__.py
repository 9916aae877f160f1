"""Synthetic part-singing with exact F0: it trains the pitch network, and feeds the demo and the tests."""
