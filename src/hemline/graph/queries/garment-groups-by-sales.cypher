// The garment groups that sell the most.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   number     of the garment_group; several may share a name
//   garment_group
//   purchases  edges: identical purchases count once
//   units      pieces
MATCH (:Customer)-[b:PURCHASED]->(p:Product)-[:HAS_GARMENT_GROUP]->(n:GarmentGroup)
RETURN n.number AS number, n.name AS garment_group, count(*) AS purchases, sum(b.quantity) AS units
ORDER BY purchases DESC, number
LIMIT $limit
