// Others who bought what the customer bought also bought, with how many paths lead there.
// Parameters:
//   customer_id  string: the customer
//   limit        int = 12: how many of them
// Columns:
//   code
//   paths  customer -> product <- other customer -> this product, over purchases
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(p:Product)<-[:PURCHASED]-(:Customer)-[:PURCHASED]->(rec:Product)
WHERE p.code <> rec.code AND NOT EXISTS { MATCH (c)-[:PURCHASED]->(rec) }
RETURN rec.code AS code, count(*) AS paths
ORDER BY paths DESC, code
LIMIT $limit
