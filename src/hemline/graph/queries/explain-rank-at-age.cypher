// Place of a product by how many customers of some ages bought it in a time; ties by code.
// Parameters:
//   article_id  string: code of the product
//   since       date: first day
//   until       date: the day after the last
//   from_age    int: youngest age
//   below_age   int: the age after the oldest
// Columns:
//   rank       1 is best
//   customers  who bought it
MATCH (c:Customer)-[b:PURCHASED]->(:Product {code: $article_id})
WHERE b.date >= $since AND b.date < $until AND c.age >= $from_age AND c.age < $below_age
WITH count(DISTINCT c.id) AS customers
MATCH (o:Customer)-[s:PURCHASED]->(p:Product)
WHERE s.date >= $since AND s.date < $until AND o.age >= $from_age AND o.age < $below_age
WITH customers, p.code AS code, count(DISTINCT o.id) AS n
WHERE n > customers OR (n = customers AND code <= $article_id)
RETURN count(*) AS rank, max(customers) AS customers
