// The product types with the most products in the catalogue, as the talk counts them.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   number   of the product_type; several may share a name
//   product_type
//   count    products in the catalogue
MATCH (p:Product)-[:SUBSET_OF]->(n:ProductType)
RETURN n.number AS number, n.name AS product_type, count(*) AS count
ORDER BY count DESC, number
LIMIT $limit
