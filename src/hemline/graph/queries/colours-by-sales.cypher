// The colours that sell the most.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   code       of the colour; several may share a name
//   colour
//   purchases  edges: identical purchases count once
//   units      pieces
MATCH (:Customer)-[b:PURCHASED]->(p:Product)-[:HAS_COLOUR]->(n:ColourGroup)
RETURN n.code AS code, n.name AS colour, count(*) AS purchases, sum(b.quantity) AS units
ORDER BY purchases DESC, code
LIMIT $limit
