// How many purchases the customer made of this product in any of its colours.
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   product_code
//   times         purchases of it by the customer
MATCH (p:Product {code: $article_id})
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(x:Product)
WHERE x.product_code = p.product_code
RETURN p.product_code AS product_code, count(*) AS times
