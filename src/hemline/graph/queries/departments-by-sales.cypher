// The departments that sell the most.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   number     of the department; several may share a name
//   department
//   purchases  edges: identical purchases count once
//   units      pieces
MATCH (:Customer)-[b:PURCHASED]->(p:Product)-[:FROM_DEPARTMENT]->(n:Department)
RETURN n.number AS number, n.name AS department, count(*) AS purchases, sum(b.quantity) AS units
ORDER BY purchases DESC, number
LIMIT $limit
