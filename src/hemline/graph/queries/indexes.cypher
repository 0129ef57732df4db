// The indexes with the most products in the catalogue, as the talk counts them.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   code     of the index_name; several may share a name
//   index_name
//   count    products in the catalogue
MATCH (p:Product)-[:HAS_INDEX]->(n:Index)
RETURN n.code AS code, n.name AS index_name, count(*) AS count
ORDER BY count DESC, code
LIMIT $limit
