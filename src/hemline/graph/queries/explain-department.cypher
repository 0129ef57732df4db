// How many purchases the customer made of this product's department.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   number  of the department
//   name
//   times   purchases of it by the customer
MATCH (p:Product {code: $article_id})-[:FROM_DEPARTMENT]->(n:Department)
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(x:Product)
MATCH (x)-[:FROM_DEPARTMENT]->(n)
RETURN n.number AS number, n.name AS name, count(*) AS times
