// How many customers bought this product and another.
// Parameters:
//   purchased   string: code of the one
//   article_id  string: code of the other
// Columns:
//   customers  who bought both
//   paths      pairs of a purchase of one and a purchase of the other, by one customer
MATCH (:Product {code: $purchased})<-[:PURCHASED]-(c:Customer)-[:PURCHASED]->(:Product {code: $article_id})
RETURN count(DISTINCT c.id) AS customers, count(*) AS paths
