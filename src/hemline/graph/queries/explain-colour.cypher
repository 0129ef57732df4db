// How many purchases the customer made of this product's colour.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   code    of the colour
//   name
//   times   purchases of it by the customer
MATCH (p:Product {code: $article_id})-[:HAS_COLOUR]->(n:ColourGroup)
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(x:Product)
MATCH (x)-[:HAS_COLOUR]->(n)
RETURN n.code AS code, n.name AS name, count(*) AS times
