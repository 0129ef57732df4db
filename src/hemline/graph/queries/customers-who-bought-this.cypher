// Customers who bought this also bought.
// Parameters:
//   article_id  string: code of the product
//   limit       int = 12: how many of them
// Columns:
//   code
//   name
//   customers  who bought both
//   paths      pairs of a purchase of one and a purchase of the other, by one customer
MATCH (p:Product {code: $article_id})<-[:PURCHASED]-(c:Customer)-[:PURCHASED]->(other:Product)
WHERE other.code <> $article_id
RETURN other.code AS code, other.name AS name, count(DISTINCT c.id) AS customers,
       count(*) AS paths
ORDER BY paths DESC, code
LIMIT $limit
