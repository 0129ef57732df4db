// Place of a product among all by the pieces sold in a time; ties by code.
// Parameters:
//   article_id  string: code of the product
//   since       date: first day
//   until       date: the day after the last
// Columns:
//   rank       1 is best
//   units      pieces
MATCH (c:Customer)-[b:PURCHASED]->(:Product {code: $article_id})
WHERE b.date >= $since AND b.date < $until
WITH sum(b.quantity) AS units
MATCH (o:Customer)-[s:PURCHASED]->(p:Product)
WHERE s.date >= $since AND s.date < $until
WITH units, p.code AS code, sum(s.quantity) AS n
WHERE n > units OR (n = units AND code <= $article_id)
RETURN count(*) AS rank, max(units) AS units
