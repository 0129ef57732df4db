// The garment groups with the most products in the catalogue, as the talk counts them.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   number   of the garment_group; several may share a name
//   garment_group
//   count    products in the catalogue
MATCH (p:Product)-[:HAS_GARMENT_GROUP]->(n:GarmentGroup)
RETURN n.number AS number, n.name AS garment_group, count(*) AS count
ORDER BY count DESC, number
LIMIT $limit
