// Products by how often a customer bought them again.
// Parameters:
//   limit  int = 20: how many of them
// Columns:
//   code
//   name
//   customers  who bought it on at least two days
MATCH (c:Customer)-[b:PURCHASED]->(p:Product)
WITH p, c.id AS customer, count(DISTINCT b.date) AS days
WHERE days > 1
RETURN p.code AS code, p.name AS name, count(*) AS customers
ORDER BY customers DESC, code
LIMIT $limit
