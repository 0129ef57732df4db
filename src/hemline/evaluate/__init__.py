"""How good are the recommendations? The same function, asked at earlier moments."""
