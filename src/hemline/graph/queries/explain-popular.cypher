// Sales of a product in a time.
// Parameters:
//   article_id  string: code of the product
//   since       date: first day
//   until       date: the day after the last
// Columns:
//   customers  who bought it
//   units      pieces
MATCH (c:Customer)-[b:PURCHASED]->(:Product {code: $article_id})
WHERE b.date >= $since AND b.date < $until
RETURN count(DISTINCT c.id) AS customers, sum(b.quantity) AS units
