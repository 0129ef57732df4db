// Others who bought what the customer bought also bought: the twelve with the most paths.
// Part 4 of the sources, as it stands there: products with equally many paths come in any order.
// `also-bought-scored` orders them by code and shows how many paths there are.
// Parameters:
//   customer_id  string: the customer
// Columns:
//   recommended_items  codes, at most twelve
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(p:Product)<-[:PURCHASED]-(:Customer)-[:PURCHASED]->(rec:Product)
WHERE id(p) <> id(rec)
AND NOT EXISTS ((c)-[:PURCHASED]->(rec))
WITH c.id as customer_id, rec, COUNT(rec) as score ORDER BY COUNT(rec) DESC LIMIT 12
RETURN collect(rec.code) as recommended_items
