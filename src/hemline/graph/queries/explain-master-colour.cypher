// How many purchases the customer made of this product's master colour.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   id      of the master colour
//   name
//   times   purchases of it by the customer
MATCH (p:Product {code: $article_id})-[:HAS_MASTER_COLOUR]->(n:PerceivedColourMaster)
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(x:Product)
MATCH (x)-[:HAS_MASTER_COLOUR]->(n)
RETURN n.id AS id, n.name AS name, count(*) AS times
