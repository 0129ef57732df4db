// Customers who bought this.
// Parameters:
//   article_id  string: code of the product
//   limit       int = 20: how many of them
// Columns:
//   customer_id
//   purchases    of this product by the customer
//   units        pieces
//   last         day of the latest
MATCH (c:Customer)-[b:PURCHASED]->(p:Product {code: $article_id})
RETURN c.id AS customer_id, count(*) AS purchases, sum(b.quantity) AS units, max(b.date) AS last
ORDER BY purchases DESC, last DESC, customer_id
LIMIT $limit
