// The indexes that sell the most.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   code       of the index_name; several may share a name
//   index_name
//   purchases  edges: identical purchases count once
//   units      pieces
MATCH (:Customer)-[b:PURCHASED]->(p:Product)-[:HAS_INDEX]->(n:Index)
RETURN n.code AS code, n.name AS index_name, count(*) AS purchases, sum(b.quantity) AS units
ORDER BY purchases DESC, code
LIMIT $limit
