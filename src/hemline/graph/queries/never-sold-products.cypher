// The products that were never sold.
// Parameters:
//   limit  int = 20: how many of them, by code
// Columns:
//   code
//   name
//   product_type
MATCH (p:Product)-[:SUBSET_OF]->(n:ProductType)
WHERE NOT EXISTS { MATCH (:Customer)-[:PURCHASED]->(p) }
RETURN p.code AS code, p.name AS name, n.name AS product_type
ORDER BY code
LIMIT $limit
