// How many purchases the customer made of this product's index.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   code    of the index
//   name
//   times   purchases of it by the customer
MATCH (p:Product {code: $article_id})-[:HAS_INDEX]->(n:Index)
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(x:Product)
MATCH (x)-[:HAS_INDEX]->(n)
RETURN n.code AS code, n.name AS name, count(*) AS times
