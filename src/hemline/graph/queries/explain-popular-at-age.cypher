// Sales of a product to customers of some ages in a time.
// Parameters:
//   article_id  string: code of the product
//   since       date: first day
//   until       date: the day after the last
//   from_age    int: youngest age
//   below_age   int: the age after the oldest
// Columns:
//   customers  who bought it
//   units      pieces
MATCH (c:Customer)-[b:PURCHASED]->(:Product {code: $article_id})
WHERE b.date >= $since AND b.date < $until AND c.age >= $from_age AND c.age < $below_age
RETURN count(DISTINCT c.id) AS customers, sum(b.quantity) AS units
