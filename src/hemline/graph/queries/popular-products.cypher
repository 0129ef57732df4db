// The products that most customers bought in a time.
// Parameters:
//   since  date: first day
//   until  date: the day after the last
//   limit  int = 12: how many of them
// Columns:
//   code       of the product
//   name
//   customers  who bought it
//   units      pieces
MATCH (c:Customer)-[b:PURCHASED]->(p:Product)
WHERE b.date >= $since AND b.date < $until
RETURN p.code AS code, p.name AS name, count(DISTINCT c.id) AS customers, sum(b.quantity) AS units
ORDER BY customers DESC, code
LIMIT $limit
