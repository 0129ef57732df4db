// How many purchases the customer made of this product's appearance.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   number  of the appearance
//   name
//   times   purchases of it by the customer
MATCH (p:Product {code: $article_id})-[:HAS_APPEARANCE_TYPE]->(n:GraphicalAppearance)
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(x:Product)
MATCH (x)-[:HAS_APPEARANCE_TYPE]->(n)
RETURN n.number AS number, n.name AS name, count(*) AS times
