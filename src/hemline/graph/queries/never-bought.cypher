// Customers who never bought anything.
// Columns:
//   customers  in all
//   never      of them, without any purchase
MATCH (c:Customer)
RETURN count(*) AS customers,
       sum(CASE WHEN EXISTS { MATCH (c)-[:PURCHASED]->(:Product) } THEN 0 ELSE 1 END) AS never
