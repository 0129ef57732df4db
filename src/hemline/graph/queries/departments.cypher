// The departments with the most products in the catalogue, as the talk counts them.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   number   of the department; several may share a name
//   department
//   count    products in the catalogue
MATCH (p:Product)-[:FROM_DEPARTMENT]->(n:Department)
RETURN n.number AS number, n.name AS department, count(*) AS count
ORDER BY count DESC, number
LIMIT $limit
