"""Accord's product: the rules of card-debt negotiation, and the store that keeps a case."""
