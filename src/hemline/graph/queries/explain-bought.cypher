// Did the customer buy this product already?
// Parameters:
//   customer_id  string: the customer
//   article_id   string: code of the product
// Columns:
//   times  purchases of it
//   last   day of the latest
MATCH (c:Customer {id: $customer_id})-[b:PURCHASED]->(p:Product {code: $article_id})
RETURN count(*) AS times, max(b.date) AS last
