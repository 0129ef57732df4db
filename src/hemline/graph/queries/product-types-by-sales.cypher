// The product types that sell the most.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   number     of the product_type; several may share a name
//   product_type
//   purchases  edges: identical purchases count once
//   units      pieces
MATCH (:Customer)-[b:PURCHASED]->(p:Product)-[:SUBSET_OF]->(n:ProductType)
RETURN n.number AS number, n.name AS product_type, count(*) AS purchases, sum(b.quantity) AS units
ORDER BY purchases DESC, number
LIMIT $limit
