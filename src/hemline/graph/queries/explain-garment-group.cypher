// How many purchases the customer made of this product's garment group.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   number  of the garment group
//   name
//   times   purchases of it by the customer
MATCH (p:Product {code: $article_id})-[:HAS_GARMENT_GROUP]->(n:GarmentGroup)
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(x:Product)
MATCH (x)-[:HAS_GARMENT_GROUP]->(n)
RETURN n.number AS number, n.name AS name, count(*) AS times
