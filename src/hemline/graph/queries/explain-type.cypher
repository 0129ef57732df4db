// How many purchases the customer made of this product's type.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   number  of the type
//   name
//   times   purchases of it by the customer
MATCH (p:Product {code: $article_id})-[:SUBSET_OF]->(n:ProductType)
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(x:Product)
MATCH (x)-[:SUBSET_OF]->(n)
RETURN n.number AS number, n.name AS name, count(*) AS times
