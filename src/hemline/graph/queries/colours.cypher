// The colours with the most products in the catalogue, as the talk counts them.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   code     of the colour; several may share a name
//   colour
//   count    products in the catalogue
MATCH (p:Product)-[:HAS_COLOUR]->(n:ColourGroup)
RETURN n.code AS code, n.name AS colour, count(*) AS count
ORDER BY count DESC, code
LIMIT $limit
